"""schemathesis against the OpenAPI document, every check on: what the document says is what the API does."""

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema

from back.main import create_app
from tests.api import Store, listening, wait_until
from tests.hostile.figures import figure

CONFIG = {
    "generation": {"max-examples": 12, "deterministic": True, "database": "none"},
    # Bytes that fit the document need not be a photo, and that is all a document can say of one.
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "409", "415", "503"]}},
}


@pytest.fixture(scope="module")
def document(shared_store: Store) -> Iterator[BaseSchema]:
    with listening(create_app(shared_store.settings(reload_seconds=3600))) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200, "the API")
        yield schemathesis.openapi.from_url(f"{url}/openapi.json", config=SchemathesisConfig.from_dict(CONFIG))


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
def test_every_answer_is_one_that_the_document_names(case: schemathesis.Case) -> None:
    answer = case.call_and_validate()
    figure(
        "requests made from the OpenAPI document",
        tried=1,
        refused=int(400 <= answer.status_code < 500),
        errors_5xx=int(answer.status_code >= 500 and answer.status_code != 503),
        worst_s=answer.elapsed,
    )
