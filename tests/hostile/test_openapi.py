"""schemathesis against the OpenAPI document, every check on: what the document says is what the API does."""

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig

from back.main import create_app
from back.settings import Settings
from tests.api import Store, listening, wait_until
from tests.hostile.figures import LONG, answered

CONFIG = {
    "generation": {"max-examples": 200 if LONG else 12, "deterministic": True, "database": "none"},
    # Bytes that fit the document need not be a photo, and that is all a document can say of one.
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "409", "415", "503"]}},
}
STUDIO = "http://127.0.0.1:9"  # nobody: the routes for Label Studio are there, and its pictures never are
schema = schemathesis.openapi.from_dict(
    create_app(Settings(label_studio_url=STUDIO)).openapi(), config=SchemathesisConfig.from_dict(CONFIG)
)


@pytest.fixture(scope="module")
def url(shared_store: Store) -> Iterator[str]:
    with listening(create_app(shared_store.settings(reload_seconds=3600, label_studio_url=STUDIO))) as address:
        wait_until(lambda: requests.get(f"{address}/readyz", timeout=5).status_code == 200, "the API")
        yield address


@schema.parametrize()
def test_every_answer_is_one_that_the_document_names(case: schemathesis.Case, url: str) -> None:
    answer = case.call_and_validate(base_url=url)
    answered("requests made from the OpenAPI document", answer.status_code, answer.elapsed)
