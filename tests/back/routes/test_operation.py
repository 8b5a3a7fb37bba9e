import threading

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from back.main import create_app
from back.registry import ModelRegistry
from tests.api import PHOTO, Store, serving, wait_until


def _samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = client.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_requests_by_route_and_status(api: TestClient) -> None:
    counter = ("streetseg_requests_total", frozenset({("method", "POST"), ("route", "/predict"), ("status", "200")}))
    before = _samples(api).get(counter, 0)
    api.post("/predict", files={"image": PHOTO})
    assert _samples(api)[counter] == before + 1


def test_metrics_show_stages_models_and_the_queue(api: TestClient) -> None:
    api.post("/predict?model=segformer", files={"image": PHOTO})
    samples = _samples(api)
    for stage in ("decode", "resize", "infer", "argmax", "encode"):
        labels = frozenset({("model", "segformer"), ("stage", stage)})
        assert samples["streetseg_stage_seconds_count", labels] >= 1
    assert samples["streetseg_model_ready", frozenset({("model", "segformer"), ("version", "1")})] == 1
    assert samples["streetseg_admitted_requests", frozenset()] == 0
    assert samples["streetseg_mlflow_up", frozenset()] == 1


def test_scan_of_paths_makes_one_series(api: TestClient) -> None:
    for i in range(20):
        api.get(f"/wp-admin-{i}.php")
    routes = {dict(labels).get("route") for name, labels in _samples(api) if name == "streetseg_requests_total"}
    assert not any("wp-admin" in str(route) for route in routes)
    assert "other" in routes


def test_api_without_mlflow_is_alive_and_not_ready(store: Store) -> None:
    with serving(create_app(store.settings(mlflow_tracking_uri="http://127.0.0.1:9")), ready=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        response = client.get("/readyz")
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert client.post("/predict", files={"image": PHOTO}).status_code == 503
        wait_until(lambda: client.get("/readyz").json()["type"] == "urn:streetseg:mlflow-away", "the first try")
        assert client.get("/models").json() == {"default": None, "pictures": False, "stale_s": None, "models": []}


def test_api_over_an_empty_store_says_how_to_fill_it_and_takes_what_comes(store: Store) -> None:
    with serving(create_app(store.settings()), ready=False) as client:
        wait_until(lambda: "register BUNDLE" in client.get("/readyz").text, "the first look at the store")
        assert client.get("/readyz").json()["type"] == "urn:streetseg:no-model"
        store.add()
        wait_until(lambda: client.get("/readyz").status_code == 200, "the new model")
        assert client.get("/readyz").json() == {"status": "ready", "models": ["segformer"]}


def test_loop_that_follows_mlflow_outlives_any_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Panic(BaseException):
        """As libraries in Rust raise: no `Exception`."""

    failed = [UnboundLocalError("settings"), MemoryError(), Panic(), SystemExit(1), StopIteration()]
    sync, failures = ModelRegistry.sync, iter(failed)

    def sometimes(self: ModelRegistry, patience_s: float | None = None) -> None:
        for failure in failures:
            raise failure
        sync(self, patience_s)

    monkeypatch.setattr(ModelRegistry, "sync", sometimes)
    store.add()
    with serving(create_app(store.settings(reload_seconds=0.1))) as client:
        assert client.get("/readyz").json()["models"] == ["segformer"]
    assert sum("following MLflow failed" in record.message for record in caplog.records) == len(failed)


def test_loop_counts_as_stuck_after_three_periods(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    services = create_app(store.settings(reload_seconds=10)).state.services
    followed_at = services._followed_at
    for periods, stuck in ((2.9, False), (3.1, True)):
        monkeypatch.setattr("back.services.time.monotonic", lambda periods=periods: followed_at + 10 * periods)
        assert (services.overdue is not None) is stuck


@pytest.mark.parametrize("failure", [BaseException("panicked"), SystemExit(1), StopIteration()], ids=repr)
def test_a_request_that_fails_however_is_a_500_and_the_next_is_answered(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr("back.pipeline.encode", fail)
        answer = api.post("/predict", files={"image": PHOTO})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert api.post("/predict", files={"image": PHOTO}).status_code == 200


def test_loop_that_hangs_is_said_and_what_is_loaded_serves(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.add()
    app = create_app(store.settings())
    with serving(app) as client:
        assert "warning" not in client.get("/readyz").json()
        hung = threading.Event()
        app.state.services.registry.sync = lambda patience_s: hung.wait(30)
        try:
            wait_until(
                lambda: "has not been followed" in client.get("/readyz").json().get("warning", ""), "the watch"
            )
            assert client.post("/predict", files={"image": PHOTO}).status_code == 200
            wait_until(lambda: "has not been followed" in caplog.text, "the log")
        finally:
            hung.set()


def test_docs_describe_every_route_with_its_errors(api: TestClient) -> None:
    assert api.get("/docs").status_code == 200
    description = api.get("/openapi.json").json()
    assert set(description["paths"]) == {
        *("/predict", "/compare", "/models", "/models/{name}", "/images", "/classes", "/runs", "/runs/{run_id}"),
        *("/runs/{run_id}/panel/{file}", "/labels", "/differences", "/healthz", "/readyz", "/metrics"),
        *("/upright", "/videos", "/evaluations", "/folders", "/evaluations/{job_id}", "/images/layers"),
        *("/jobs/{job_id}", "/jobs/{job_id}/{file}"),
        *("/shared", "/shared/{share_id}", "/shared/{share_id}/photo", "/shared/{share_id}/comparison"),
        "/shared/{share_id}/label",
    }
    predict = description["paths"]["/predict"]["post"]
    assert set(predict["responses"]) == {"200", "400", "404", "408", "413", "415", "422", "429", "503"}
    assert set(predict["responses"]["200"]["content"]) == {
        *("image/png", "application/json", "application/geo+json"),
    }
    assert "X-Model-SHA256" in predict["responses"]["200"]["headers"]
    for path, methods in description["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_web_pages_of_allowed_origins_may_call(store: Store) -> None:
    settings = store.settings(cors_origins=("https://a.example",), mlflow_tracking_uri="http://127.0.0.1:9")
    with serving(create_app(settings), ready=False) as client:
        allowed = client.get("/healthz", headers={"Origin": "https://a.example"})
        other = client.get("/healthz", headers={"Origin": "https://b.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("GET", "/predict", 405)])
def test_framework_errors_are_problems_too(api: TestClient, method: str, path: str, status: int) -> None:
    response = api.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_crash_is_a_problem_without_a_trace(store: Store) -> None:
    app = create_app(store.settings(mlflow_tracking_uri="http://127.0.0.1:9"))

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("secret")

    with serving(app, ready=False) as client:
        response = client.get("/crash")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.headers["X-Request-ID"]
    assert "secret" not in response.text
    assert "Traceback" not in response.text
