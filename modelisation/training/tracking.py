"""Logging a training run to MLflow and, in the same words, to `history.json`, which travels with the bundle."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from back.runtime.card import HISTORY_FILE
from back.runtime.mlflow_names import EXPERIMENT
from modelisation.registry.history import replay_history
from modelisation.registry.inputs import Pictures
from modelisation.registry.mlflow_store import default_tracking_uri, experiment_id, user_errors
from modelisation.registry.story import tell_start
from modelisation.training.stopping import Interrupted, LostProcessError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tracking_uri() -> str:
    """The default tracking URI; an SQLite store's folder is made where missing."""
    uri = default_tracking_uri()
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return uri


def _status(error: type[BaseException] | None) -> str:
    """MLflow's word for how a run ended."""
    return (
        "FINISHED" if error is None else "KILLED" if issubclass(error, Interrupted | LostProcessError) else "FAILED"
    )


def _has_run(client: mlflow.MlflowClient, run_id: str) -> bool:
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


class ParentRun:
    """An MLflow run that holds no training itself: the runs of a search or an ablation are listed under it.

    Args:
        name: name of the run in MLflow.
        run_id: a run to go on with; None, or one that this store does not have, begins a new one.
    """

    def __init__(self, name: str, run_id: str | None = None) -> None:
        uri = tracking_uri()
        with user_errors(uri):
            self._client = mlflow.MlflowClient(uri)
            experiment = experiment_id(self._client, EXPERIMENT)
            if run_id is None or not self._reopen(run_id):
                run_id = self._client.create_run(experiment, run_name=name).info.run_id
        self.run_id: str = run_id

    def _reopen(self, run_id: str) -> bool:
        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException:
            return False
        return True

    def log_metric(self, key: str, value: float, step: int) -> None:
        self._client.log_metric(self.run_id, key, value, step=step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._client.set_terminated(self.run_id, _status(kind))


class Tracker:
    """One MLflow run that can be resumed, mirrored to `history.json` in the run's folder.

    Args:
        run_dir: folder of the run.
        name: name of the run in MLflow.
        params: parameters, logged once.
        tags: tags, logged once.
        run_id: a run to go on with; None begins a new one. Where the store no longer has it, a new one takes over
            what `history.json` remembers of it, and names it in the tag `replayed_from`.
        parent_run: the run under which a new one is listed.

    Raises:
        UserError: MLflow does not answer, or its store has moved.
    """

    def __init__(
        self,
        run_dir: Path,
        name: str,
        params: dict[str, Any],
        tags: dict[str, str],
        run_id: str | None = None,
        parent_run: str | None = None,
    ) -> None:
        self._path = run_dir / HISTORY_FILE
        self.tracking_uri = uri = tracking_uri()
        mlflow.set_tracking_uri(uri)
        with user_errors(uri):
            client = mlflow.MlflowClient(uri)
            experiment = experiment_id(client, EXPERIMENT)
            if run_id is None:
                self.run_id: str = self._begin(experiment, name, params, tags, parent_run)
            else:
                self.run_id = self._go_on(client, experiment, run_id)

    def _begin(
        self, experiment: str, name: str, params: dict[str, Any], tags: dict[str, str], parent_run: str | None
    ) -> str:
        nested = tags | ({MLFLOW_PARENT_RUN_ID: parent_run} if parent_run else {})
        run = mlflow.start_run(experiment_id=experiment, run_name=name, tags=nested, log_system_metrics=True)
        texts = {key: str(value)[:500] for key, value in params.items()}
        mlflow.log_params(texts)
        run_id = str(run.info.run_id)
        self._history: dict[str, Any] = {
            "run_id": run_id,
            "name": name,
            "start_time": int(time.time() * 1000),
            "end_time": None,
            "params": texts,
            "tags": tags,
            "metrics": {},
        }
        return run_id

    def _go_on(self, client: mlflow.MlflowClient, experiment: str, run_id: str) -> str:
        self._history = json.loads(self._path.read_text(encoding="utf-8"))
        if not _has_run(client, run_id):
            print(f"MLflow at {self.tracking_uri} has no run {run_id} any more; a new run goes on from it.")
            self._history["tags"] |= {"replayed_from": run_id}
            run_id = replay_history(client, self._path.parent, experiment)
            self._history["run_id"] = run_id
        mlflow.start_run(run_id=run_id, log_system_metrics=True)
        return run_id

    def log_data(self, description: str, inputs: Sequence[Pictures]) -> None:
        """Log the data sets that the run uses, and a description until its final scores are known."""
        tell_start(mlflow.MlflowClient(self.tracking_uri), self.run_id, description, inputs)

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Log an epoch's metrics; an epoch that is logged again (after a crash before its checkpoint) replaces it."""
        now = int(time.time() * 1000)
        for key, value in metrics.items():
            points = [p for p in self._history["metrics"].get(key, []) if p[0] < epoch]
            self._history["metrics"][key] = [*points, [epoch, value, now]]
        self._history["end_time"] = now
        self._write()
        mlflow.log_metrics(metrics, step=epoch)

    def log_figure(self, figure: "Figure", name: str) -> None:
        mlflow.log_figure(figure, name)

    def log_text(self, text: str, name: str) -> None:
        mlflow.log_text(text, name)

    def log_bytes(self, data: bytes, name: str) -> None:
        """Log a file under this name, which may have folders."""
        folder, file = name.rsplit("/", 1) if "/" in name else (None, name)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / file
            path.write_bytes(data)
            mlflow.log_artifact(str(path), folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the MLflow run: FINISHED, KILLED (interrupted, can be resumed) or FAILED."""
        self._write()
        mlflow.end_run(_status(kind))

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._history), encoding="utf-8")
        partial.replace(self._path)
