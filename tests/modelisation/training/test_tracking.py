"""A run in MLflow and in its folder: gone on with, also where the store that it was in is gone."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest

from back.runtime.errors import UserError
from modelisation.training.tracking import ParentRun, Tracker


@pytest.fixture
def store(tmp_path: Path, tracking_uri: str):  # type: ignore[no-untyped-def]
    assert tracking_uri == f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    yield tmp_path / "store"
    mlflow.end_run()


def track(folder: Path, *epochs: int, run_id: str | None = None) -> str:
    """One call of a training program: logs some epochs; returns the run's id."""
    folder.mkdir(exist_ok=True)
    with Tracker(folder, "tiny", {"lr": 0.1}, {"model": "tiny"}, run_id) as tracker:
        for epoch in epochs:
            tracker.log_epoch(epoch, {"val_miou": epoch / 10})
    return tracker.run_id


def curve(store: Path, run_id: str) -> list[tuple[int, float]]:
    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    return [(point.step, point.value) for point in client.get_metric_history(run_id, "val_miou")]


def test_a_run_goes_on_under_its_own_id(store: Path, tmp_path: Path) -> None:
    first = track(tmp_path / "run", 1)
    assert track(tmp_path / "run", 2, run_id=first) == first
    assert curve(store, first) == [(1, 0.1), (2, 0.2)]


@pytest.mark.parametrize("how", ["store deleted", "run deleted"])
def test_a_run_that_the_store_no_longer_has_goes_on_in_a_new_one_that_names_it(
    store: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = track(tmp_path / "run", 1, 2)
    if how == "store deleted":  # MLflow holds a database open as long as a process lives, so the new one is elsewhere
        store = tmp_path / "new store"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    else:
        mlflow.MlflowClient().delete_run(first)
    second = track(tmp_path / "run", 3, run_id=first)
    assert second != first
    assert f"has no run {first} any more; a new run goes on from it" in capsys.readouterr().out
    assert curve(store, second) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    run = mlflow.MlflowClient().get_run(second)
    assert (run.data.tags["replayed_from"], run.data.tags["model"]) == (first, "tiny")
    assert (run.data.params, run.info.status, run.info.run_name) == ({"lr": "0.1"}, "FINISHED", "tiny")
    history = json.loads((tmp_path / "run" / "history.json").read_text(encoding="utf-8"))
    assert (history["run_id"], history["tags"]["replayed_from"]) == (second, first)
    assert track(tmp_path / "run", 4, run_id=second) == second


def test_a_store_that_has_moved_is_a_sentence_and_no_run_begins(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = track(tmp_path / "run", 1)
    shutil.move(store, tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere' / 'mlflow.db'}")
    for run_id in (first, None):
        with pytest.raises(UserError, match="the store has moved"):
            track(tmp_path / "run", 2, run_id=run_id)
    with pytest.raises(UserError, match="the store has moved"):
        ParentRun("search tiny")
    assert not store.exists()


def test_a_server_that_does_not_answer_is_a_sentence(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match="does not answer"):
        track(tmp_path / "run", 1)
