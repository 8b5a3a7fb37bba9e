"""One request that finds no memory, no disk or a slow MLflow costs no other one anything."""

import errno
import io
import socket
import time
from collections.abc import Iterator

import pytest
import requests
from fastapi.testclient import TestClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from PIL import Image
from starlette.datastructures import UploadFile

import back.pipeline
import back.runtime.png_decoder
from back.main import create_app
from tests.api import PHOTO, Store, listening, noise_png, serving, wait_until
from tests.hostile.figures import answered

_jpeg = io.BytesIO()
Image.open(io.BytesIO(PHOTO)).convert("RGB").save(_jpeg, "JPEG")
JPEG = _jpeg.getvalue()
LARGE = noise_png(700, 700)  # too large for Starlette to keep in memory


@pytest.fixture(scope="module")
def client(shared_store: Store) -> Iterator[TestClient]:
    with serving(create_app(shared_store.settings())) as api:
        yield api


def _fails(error: Exception) -> object:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize("path", ["/predict", "/compare"])
@pytest.mark.parametrize("place", ["PIL", "our decoder", "pipeline"])
def test_a_request_without_memory_is_503_and_the_next_one_is_answered(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, place: str
) -> None:
    photo = JPEG if place == "PIL" else PHOTO
    with monkeypatch.context() as patch:
        if place == "PIL":
            patch.setattr(Image, "open", _fails(MemoryError()))
        elif place == "our decoder":
            patch.setattr(back.runtime.png_decoder, "decode_rgb", _fails(MemoryError()))
        else:
            patch.setattr(back.pipeline, "encode", _fails(MemoryError()))
        start = time.perf_counter()
        answer = client.post(path, files={"image": photo})
    answered("requests without memory", answer.status_code, time.perf_counter() - start)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["type"] == "urn:streetseg:overloaded"
    assert "no memory left" in answer.json()["detail"]
    assert client.post(path, files={"image": photo}).status_code == 200


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "no disk space left"), (errno.EMFILE, "no free file descriptor left")]
)
def test_an_upload_without_room_is_503(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(UploadFile, "write", _fails(OSError(number, "no")))
        answer = client.post("/predict", files={"image": LARGE})
    assert answer.status_code == 503
    assert said in answer.json()["detail"]
    assert client.post("/predict", files={"image": LARGE}).status_code == 200


def test_any_other_failure_of_the_system_is_a_bug_with_a_trace_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(back.pipeline, "encode", _fails(PermissionError(errno.EACCES, "no")))
        assert client.post("/predict", files={"image": PHOTO}).status_code == 500


def test_questions_to_mlflow_whose_clients_left_are_not_asked(shared_store: Store) -> None:
    app = create_app(shared_store.settings(reload_seconds=3600))
    asked = []

    class SlowMlflow:
        def get_experiment_by_name(self, _: str) -> None:
            asked.append(time.monotonic())
            time.sleep(0.5)

        def get_run(self, _: str) -> None:
            raise MlflowException("no such run", RESOURCE_DOES_NOT_EXIST)

    with listening(app) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200, "the API")
        app.state.services.registry.client = SlowMlflow()
        host, port = url.removeprefix("http://").split(":")
        for _ in range(60):
            with socket.create_connection((host, int(port)), timeout=10) as gone:
                gone.sendall(b"GET /runs HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: requests.get(f"{url}/runs", timeout=60).status_code == 200, "the next answer", 20)
    assert len(asked) < 12


def test_a_model_whose_name_looks_like_an_alias_is_compared(store: Store) -> None:
    store.add("segformer")
    store.add("deeplabv3plus")
    store.client.rename_registered_model("deeplabv3plus", "street@night")
    with serving(create_app(store.settings())) as api:
        answer = api.post("/compare", files={"image": PHOTO})
        assert answer.status_code == 200
        assert [entry["model"] for entry in answer.json()["models"]] == ["segformer", "street@night"]
        for path in ("/predict?model=street@night", "/compare?models=street@night"):
            assert api.post(path, files={"image": PHOTO}).status_code == 200
