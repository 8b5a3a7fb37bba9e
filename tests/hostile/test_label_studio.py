"""Addresses in Label Studio's tasks: nothing but that one server's pictures is ever asked for."""

import base64
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from back.guards.keys import add_key
from back.label_studio.pictures import Pictures
from back.main import create_app
from back.problems import Problem
from back.settings import Settings
from tests.api import PHOTO, Store, serving
from tests.label_studio import CONFIG, LabelStudio, label_studio

PICTURE = "/data/upload/1/street.png"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[LabelStudio]:
    """Another server of this machine, which nothing may ask."""
    with label_studio(files={PICTURE: PHOTO, "/latest/meta-data": b"secrets"}) as one:
        yield one


@pytest.fixture(scope="module")
def studio(elsewhere: LabelStudio) -> Iterator[LabelStudio]:
    with label_studio(
        files={PICTURE: PHOTO, "/data/page.png": b"<html>", "/data/clip.png": b"GIF89a" + bytes(50)},
        moved={"/data/away.png": f"{elsewhere.url}{PICTURE}", "/data/meta.png": "http://169.254.169.254/latest",
               "/data/here.png": PICTURE},
        endless={"/data/endless.png"},
        slow={"/data/slow.png"},
    ) as one:  # fmt: skip
        yield one


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("keys") / "keys"
    return path, add_key(path, "label-studio")


@pytest.fixture(scope="module")
def client(shared_store: Store, studio: LabelStudio, key: tuple[Path, str]) -> Iterator[TestClient]:
    settings = shared_store.settings(
        label_studio_url=studio.url, max_image_mb=1, slow_seconds=1, keys_file=key[0], reload_seconds=3600
    )
    with serving(create_app(settings)) as client:
        yield client


def ask(client: TestClient, place: object, password: str) -> tuple[int, str]:
    body = {"tasks": [{"data": {"picture": place}}], "label_config": CONFIG}
    answer = client.post("/labelstudio/predict", json=body, auth=("label-studio", password))
    return answer.status_code, answer.json().get("detail", "")


def test_a_picture_of_any_other_server_is_refused_unasked(
    client: TestClient, studio: LabelStudio, elsewhere: LabelStudio, key: tuple[Path, str]
) -> None:
    host, port = studio.url.removeprefix("http://").split(":")
    other = elsewhere.url.removeprefix("http://")
    before = len(studio.asked)
    for place in (
        f"{elsewhere.url}{PICTURE}",
        "http://169.254.169.254/latest/meta-data",
        f"//{other}{PICTURE}",
        f"http://{host}:{port}@{other}{PICTURE}",
        f"http://user:secret@{host}:{port}{PICTURE}",
        f"http://{other}#@{host}:{port}{PICTURE}",
        f"http://{other}\\@{host}:{port}{PICTURE}",
        f"http://{host}:{port}.evil.example{PICTURE}",
        f"http://{host}:99999{PICTURE}",
        f"http://[{host}{PICTURE}",
        f"https://{host}:{port}{PICTURE}",
        f"http://{host}{PICTURE}",
        f"http://localhost:{port}{PICTURE}",
        f"ftp://{host}:{port}{PICTURE}",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "s3://bucket/a.png",
        "data/upload/1/street.png",
        f"\thttp://{other}{PICTURE}",
        f"ht\ntp://{other}{PICTURE}",
        f"{PICTURE} HTTP/1.1\r\nHost: {other}",
        "/" + "a" * 5000,
        ["/data/a.png"],
        {"url": PICTURE},
        None,
        7,
    ):
        status, detail = ask(client, place, key[1])
        assert (status, detail[-1:]) == (400, "."), place
        assert "secret" not in detail or "user" in str(place)
    assert elsewhere.asked == []
    assert len(studio.asked) == before


def test_no_other_path_of_label_studio_is_asked_for(
    client: TestClient, studio: LabelStudio, key: tuple[Path, str]
) -> None:
    before = len(studio.asked)
    for place in (
        "/api/users", "/", "/logout", "/data", "/data/", "/data/../api/users", "/data/%2e%2e/api/users",
        "/data/..%2fapi/users", "/data/x/./y", "/tasks/1/delete", "/tasks/1/resolve/../../../api", "/data/a%00b.png",
        "/data/a%5c..%5capi", "/tasks/x/resolve/", f"{studio.url}/api/users", "/datax/a.png",
    ):  # fmt: skip
        status, detail = ask(client, place, key[1])
        assert (status, "where Label Studio keeps pictures" in detail) == (400, True), place
    assert len(studio.asked) == before


def test_no_redirect_is_followed(
    client: TestClient, studio: LabelStudio, elsewhere: LabelStudio, key: tuple[Path, str]
) -> None:
    for place in studio.moved:
        before = len(studio.asked)
        status, detail = ask(client, place, key[1])
        assert (status, "redirect" in detail) == (400, True), place
        assert "169.254" not in detail + elsewhere.url
        assert len(studio.asked) == before + 1
    assert elsewhere.asked == []


def test_what_is_too_large_too_slow_or_no_photo_ends_in_a_sentence(client: TestClient, key: tuple[Path, str]) -> None:
    began = time.monotonic()
    assert ask(client, "/data/endless.png", key[1])[0] == 413
    status, detail = ask(client, "/data/slow.png", key[1])
    assert (status, "did not send the picture in 1 s" in detail) == (503, True)
    assert time.monotonic() - began < 15  # left to itself, either takes 20 s
    for place in ("/data/page.png", "/data/clip.png"):
        status, detail = ask(client, place, key[1])
        assert (status, detail[-1:]) == (415, "."), detail
    assert ask(client, PICTURE, key[1])[0] == 200


def test_a_label_studio_that_is_away_is_503(caplog: pytest.LogCaptureFixture) -> None:
    import asyncio

    pictures = Pictures(Settings(label_studio_url="http://127.0.0.1:9", slow_seconds=1))
    with caplog.at_level(logging.INFO), pytest.raises(Problem) as caught:
        asyncio.run(pictures.fetch(pictures.address_of(PICTURE)))
    assert (caught.value.status_code, caught.value.cause) == (503, "label-studio-away")


def test_the_key_may_come_as_a_password_there_and_nowhere_else(client: TestClient, key: tuple[Path, str]) -> None:
    assert ask(client, PICTURE, key[1])[0] == 200
    assert ask(client, PICTURE, "guess")[0] == 401
    for header in ("Basic", "Basic %%%", "Basic " + base64.b64encode(b"\xff\xfe").decode()):
        assert client.get("/labelstudio/health", headers={"Authorization": header}).status_code == 401, header
    assert client.get("/labelstudio/health").status_code == 401
    elsewhere = client.get("/models", auth=("label-studio", key[1]))
    assert (elsewhere.status_code, elsewhere.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert client.get("/models", headers={"X-API-Key": key[1]}).status_code == 200


def test_a_label_config_that_unpacks_or_reads_files_is_refused(client: TestClient, key: tuple[Path, str]) -> None:
    lots = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(20))
    for text in (
        f"<!DOCTYPE a [{lots}]><View>&e19;</View>",
        '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><View>&f;</View>',
        "<View>" * 20_000,
        "<View>" + "<a>" * 20_000 + "</a>" * 20_000 + "</View>",
        "\ud800",
        "\x00",
    ):
        sent = client.post(
            "/labelstudio/setup",
            content=f'{{"schema": {_json(text)}}}',
            headers={"Content-Type": "application/json"},
            auth=("label-studio", key[1]),
        )
        assert sent.status_code in (400, 422), text[:40]
        assert "root:" not in sent.text


def _json(text: str) -> str:
    import json

    return json.dumps(text)
