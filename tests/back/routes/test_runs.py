import math
import time
from pathlib import Path

from fastapi.testclient import TestClient
from mlflow.entities import Metric

from back.main import create_app
from tests.api import Store, serving


def test_runs_carry_last_values_parameters_and_a_link(api: TestClient) -> None:
    body = api.get("/runs").json()
    assert body["mlflow_ui_url"] == "http://mlflow.example"
    assert len(body["runs"]) == 3
    run = next(run for run in body["runs"] if run["name"] == "deeplabv3plus")
    assert (run["status"], run["start_time"], run["end_time"]) == ("FINISHED", 1_700_000_000_000, 1_700_000_002_000)
    assert (run["model"], run["version"]) == ("deeplabv3plus", "1")
    assert run["metrics"]["val_miou"] == 0.6
    assert run["params"]["architecture"] == "nearest-colour"
    assert run["url"] == f"http://mlflow.example/#/experiments/{body['experiment_id']}/runs/{run['run_id']}"


def test_runs_of_one_model(api: TestClient) -> None:
    runs = api.get("/runs?model=segformer").json()["runs"]
    assert {(run["model"], run["version"]) for run in runs} == {("segformer", "1"), ("segformer", "2")}
    assert len(api.get("/runs?model=segformer&limit=1").json()["runs"]) == 1
    assert api.get("/runs?model=unet").status_code == 404


def test_run_has_its_curves_by_step(api: TestClient) -> None:
    run_id = api.get("/runs?model=segformer").json()["runs"][0]["run_id"]
    body = api.get(f"/runs/{run_id}").json()
    assert body["run_id"] == run_id
    assert [(point["step"], point["value"]) for point in body["history"]["train_loss"]] == [(0, 1.5), (1, 0.7)]
    assert body["history"]["val_iou_sky"][0] == {"step": 0, "value": 0.2, "timestamp": 1_700_000_001_000}


def test_a_run_has_the_pictures_it_logged_and_no_others(store: Store, tmp_path: Path) -> None:
    run_id = store.add().run_id
    files = {"photos.jpg": b"\xff\xd8 photos", "truth.png": b"\x89PNG truth", "epoch-00002.png": b"\x89PNG second",
             "epoch-00010.png": b"\x89PNG tenth", "epoch-00011.png": b"<html>", "epoch-3.png": b"\x89PNG odd name",
             "notes.txt": b"secret"}  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        store.client.log_artifact(run_id, str(tmp_path / name), "panel")
    with serving(create_app(store.settings())) as client:
        assert client.get(f"/runs/{run_id}").json()["panel"] == [2, 10, 11]
        for name, kind in (
            ("photos.jpg", "image/jpeg"),
            ("truth.png", "image/png"),
            ("epoch-00010.png", "image/png"),
        ):
            answer = client.get(f"/runs/{run_id}/panel/{name}")
            assert (answer.content, answer.headers["content-type"]) == (files[name], kind)
        for name in ("epoch-00011.png", "epoch-3.png", "epoch-00099.png", "notes.txt", "..%2Fhistory.json"):
            assert client.get(f"/runs/{run_id}/panel/{name}").status_code == 404, name
        assert client.get(f"/runs/{'0' * 32}/panel/photos.jpg").status_code == 404


def test_a_run_without_pictures_has_no_epochs_with_them(api: TestClient) -> None:
    run_id = api.get("/runs?model=segformer").json()["runs"][0]["run_id"]
    assert api.get(f"/runs/{run_id}").json()["panel"] == []


def test_unknown_run_is_404(api: TestClient) -> None:
    for run_id in ("0" * 32, "nope", "../x", "a" * 100, "é"):
        response = api.get(f"/runs/{run_id}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


def test_run_that_diverged_is_still_json(store: Store) -> None:
    store.add()
    run = store.client.create_run(store.client.get_experiment_by_name("streetseg").experiment_id, run_name="diverged")
    now = int(time.time() * 1000)
    points = [Metric("train_loss", value, now, step) for step, value in enumerate([1.0, math.inf, math.nan])]
    store.client.log_batch(run.info.run_id, metrics=points)
    with serving(create_app(store.settings())) as client:
        body = client.get(f"/runs/{run.info.run_id}").json()
        assert (body["name"], body["status"], body["model"]) == ("diverged", "RUNNING", None)
        values = [point["value"] for point in body["history"]["train_loss"]]
        assert values[0] == 1.0
        assert values[2] is None


def test_runs_without_mlflow_are_503_and_predictions_go_on(store: Store) -> None:
    from tests.api import PHOTO

    store.add()
    app = create_app(store.settings())
    with serving(app) as client:
        registry = app.state.services.registry
        registry._settings = store.settings(mlflow_tracking_uri="http://127.0.0.1:9")
        del registry.client
        response = client.get("/runs")
        assert (response.status_code, response.headers["retry-after"]) == (503, "10")
        assert response.json()["type"] == "urn:streetseg:mlflow-away"
        assert "Predictions are not affected" in response.json()["detail"]
        assert client.post("/predict", files={"image": PHOTO}).status_code == 200
        assert client.get("/readyz").status_code == 200


def test_a_run_whose_experiment_was_renamed_is_listed_and_a_deleted_one_is_not(store: Store) -> None:
    gone, kept = store.add("deeplabv3plus").run_id, store.add("segformer").run_id
    experiment = store.client.get_experiment_by_name("streetseg").experiment_id
    store.client.rename_experiment(experiment, "mine")
    store.client.delete_run(gone)
    with serving(create_app(store.settings())) as client:
        for path in ("/runs", "/runs?model=segformer", "/runs?limit=1"):
            body = client.get(path).json()
            assert [run["run_id"] for run in body["runs"]] == [kept], path
            assert body["experiment_id"] is None
        assert client.get("/runs?model=deeplabv3plus").json()["runs"] == []
        other = store.client.create_run(store.client.create_experiment("streetseg"), start_time=1).info.run_id
        assert [run["run_id"] for run in client.get("/runs").json()["runs"]] == [kept, other]
        assert len(client.get("/runs?limit=1").json()["runs"]) == 1
