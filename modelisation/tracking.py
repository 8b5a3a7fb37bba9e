"""Logging a training run to MLflow and, in the same words, to `history.json`, which travels with the bundle."""

import json
import time
from pathlib import Path
from typing import Any, Self

import mlflow
from matplotlib.figure import Figure

from back.runtime.card import HISTORY_FILE
from modelisation.registry import default_tracking_uri, experiment_id
from modelisation.stopping import Interrupted

EXPERIMENT = "streetseg"


class Tracker:
    """One MLflow run that can be resumed, mirrored to `history.json` in the run's folder.

    Args:
        run_dir: folder of the run.
        name: name of the run in MLflow.
        params: parameters, logged once.
        tags: tags, logged once.
        run_id: a run to go on with; None begins a new one.
    """

    def __init__(
        self, run_dir: Path, name: str, params: dict[str, Any], tags: dict[str, str], run_id: str | None = None
    ) -> None:
        self._path = run_dir / HISTORY_FILE
        uri = default_tracking_uri()
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(uri)
        self.tracking_uri = uri
        if run_id is None:
            experiment = experiment_id(mlflow.MlflowClient(uri), EXPERIMENT)
            self._run = mlflow.start_run(experiment_id=experiment, run_name=name, tags=tags, log_system_metrics=True)
            self.run_id: str = self._run.info.run_id
            texts = {key: str(value)[:500] for key, value in params.items()}
            mlflow.log_params(texts)
            self._history: dict[str, Any] = {
                "run_id": self.run_id,
                "name": name,
                "start_time": int(time.time() * 1000),
                "end_time": None,
                "params": texts,
                "tags": tags,
                "metrics": {},
            }
        else:
            self._run = mlflow.start_run(run_id=run_id, log_system_metrics=True)
            self.run_id = run_id
            self._history = json.loads(self._path.read_text(encoding="utf-8"))

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Log an epoch's metrics; an epoch that is logged again (after a crash before its checkpoint) replaces it."""
        now = int(time.time() * 1000)
        for key, value in metrics.items():
            points = [p for p in self._history["metrics"].get(key, []) if p[0] < epoch]
            self._history["metrics"][key] = [*points, [epoch, value, now]]
        self._history["end_time"] = now
        self._write()
        mlflow.log_metrics(metrics, step=epoch)

    def log_figure(self, figure: Figure, name: str) -> None:
        mlflow.log_figure(figure, name)

    def log_text(self, text: str, name: str) -> None:
        mlflow.log_text(text, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the MLflow run: FINISHED, KILLED (interrupted, can be resumed) or FAILED."""
        self._write()
        mlflow.end_run("FINISHED" if kind is None else "KILLED" if issubclass(kind, Interrupted) else "FAILED")

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._history), encoding="utf-8")
        partial.replace(self._path)
