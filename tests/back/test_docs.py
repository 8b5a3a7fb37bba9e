"""The API's own pages: they ask no other machine for anything."""

import re

from fastapi.testclient import TestClient

from back.main import create_app
from back.settings import Settings


def test_docs_bring_all_their_files_themselves() -> None:
    client = TestClient(create_app(Settings(mlflow_tracking_uri="http://127.0.0.1:9")))
    page = client.get("/docs")
    assert page.status_code == 200
    files = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(files) >= 3
    for file in files:
        assert file.startswith("/"), f"{file} lies elsewhere"
        answer = client.get(file)
        assert (answer.status_code, len(answer.content) > 1000) == (200, True), file
    assert "http" not in re.sub(r"https?://(www\.w3\.org|127\.0\.0\.1)\S*", "", page.text)


def test_nothing_of_the_pages_is_in_the_openapi_document() -> None:
    paths = create_app(Settings(mlflow_tracking_uri="http://127.0.0.1:9")).openapi()["paths"]
    assert not [path for path in paths if "doc" in path]
