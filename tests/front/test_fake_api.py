"""The stand-in fails as the real API does: same statuses, causes, waits and shapes."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from back.catalogue import ModelVersion, RegisteredModel
from back.registry import ModelRegistry
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.real_api import unready_api

PATHS = ("/readyz", "/models", "/models/segformer", "/classes", "/compare", "/predict")


def shape(status: int, headers: Any, body: Any) -> tuple[object, ...]:
    """What a client goes by, without the sentences."""
    cause = body.get("type") if status >= 400 else sorted(body)
    return status, headers.get("retry-after"), cause, body.get("models") if status == 200 else None


@pytest.mark.parametrize("mode", ["starting", "cut_off"])
@pytest.mark.parametrize("path", PATHS)
def test_an_api_that_is_not_ready_answers_like_the_real_one(api: FakeApi, mode: str, path: str) -> None:
    api.mode = mode  # type: ignore[assignment]
    client = unready_api(mode)
    photo = {"files": {"image": jpeg()}} if path in ("/predict", "/compare") else {}
    real = client.request("POST" if photo else "GET", path, **photo)  # type: ignore[arg-type]
    assert ask(api.url + path, photo=bool(photo)) == shape(real.status_code, real.headers, real.json())


def test_a_model_that_loads_is_listed_like_the_real_one(api: FakeApi) -> None:
    api.mode = "half"
    client = unready_api("half")
    version = ModelVersion("segformer", "1", "run-segformer", 0)
    registry: ModelRegistry = client.app.state.services.registry  # type: ignore[attr-defined]
    registry.catalogue = {"segformer": RegisteredModel("segformer", {"champion": "1"}, {"1": version})}
    real = client.get("/models").json()["models"][0]
    with urllib.request.urlopen(f"{api.url}/models", timeout=5) as answer:
        assert json.load(answer)["models"][1] == real


def test_runs_without_mlflow_answer_like_the_real_ones(api: FakeApi) -> None:
    api.mode = "cut_off"
    client = unready_api("cut_off")
    registry: ModelRegistry = client.app.state.services.registry  # type: ignore[attr-defined]
    registry.__dict__["client"] = None  # a client that cannot be asked, without the wait for a timeout
    real = client.get("/runs")
    assert ask(f"{api.url}/runs") == shape(real.status_code, real.headers, real.json())


def ask(url: str, *, photo: bool = False) -> tuple[object, ...]:
    """The shape of the fake's answer."""
    request = urllib.request.Request(url)
    if photo:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + jpeg() + b"\r\n--x--\r\n"
        )
        request = urllib.request.Request(url, body, {"Content-Type": "multipart/form-data; boundary=x"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return shape(answer.status, answer.headers, json.load(answer))
    except urllib.error.HTTPError as error:
        return shape(error.code, error.headers, json.load(error))
