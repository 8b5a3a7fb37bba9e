"""The training curves that travel with a bundle, replayed into an MLflow run elsewhere. Needs no torch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from back.runtime.card import EARLIER_RUNS, HISTORY_FILE, BundleError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PARAM_LENGTH = 6000  # MLflow's limit


class _History(BaseModel):
    """history.json: what a training run logged; a metric is [step, value, milliseconds since 1970]."""

    run_id: str
    name: str
    start_time: int
    end_time: int | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, list[tuple[int, float, int]]]


def replay_history(client: "MlflowClient", bundle: Path, experiment_id: str) -> str:
    """Make a run with the params, tags and metric curves of a bundle's history.json; returns its id.

    Raises:
        BundleError: there is no history.json, or it is none.
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    history = _read_history(bundle / HISTORY_FILE)
    return _replay(client, history, history.name, experiment_id)


def replay_earlier_runs(client: "MlflowClient", bundle: Path, experiment_id: str) -> list[str]:
    """Make a run of each history in a bundle's folder `earlier_runs` that the experiment lacks; returns their ids.

    Raises:
        BundleError: a file is no history.
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    made = []
    for path in sorted((bundle / EARLIER_RUNS).glob("*.json")):
        history = _read_history(path)
        known = f"tags.replayed_from = '{history.run_id}'"
        if not client.search_runs([experiment_id], known, max_results=1):
            made.append(_replay(client, history, f"{history.name}, the run before", experiment_id))
    return made


def _replay(client: "MlflowClient", history: "_History", name: str, experiment_id: str) -> str:
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(experiment_id, start_time=history.start_time, run_name=name)
    run_id = str(run.info.run_id)
    params = [Param(key, value[:_PARAM_LENGTH]) for key, value in history.params.items()]
    told = {**history.tags, "replayed_from": history.run_id, "mlflow.source.name": "python -m modelisation train"}
    if commit := history.tags.get("git_commit"):
        told["mlflow.source.git.commit"] = commit
    tags = [RunTag(key, value) for key, value in told.items()]
    metrics = [
        Metric(key, value, timestamp, step)
        for key, points in history.metrics.items()
        for step, value, timestamp in points
    ]
    try:
        for some in _batches(params, 100):
            client.log_batch(run_id, params=some)
        for some in _batches(tags, 100):
            client.log_batch(run_id, tags=some)
        for some in _batches(metrics, 1000):
            client.log_batch(run_id, metrics=some)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED", end_time=history.end_time)
    return run_id


def _read_history(path: Path) -> _History:
    try:
        return _History.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise BundleError(f"{path}: no such file; export the bundle again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(
            f"{path}: no training history ({where}: {first['msg']}); export the bundle again"
        ) from error
    except ValueError as error:
        raise BundleError(f"{path}: no training history ({error}); export the bundle again") from error


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    # MLflow takes at most 1000 metrics and 100 params or tags a call.
    for start in range(0, len(items), size):
        yield items[start : start + size]
