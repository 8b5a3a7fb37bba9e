"""The API as a process of its own beside a real MLflow server, which comes late and goes early."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from modelisation.registry.versions import register_bundle
from tests.api import PHOTO, free_port, has_ended, wait_until
from tests.bundles import make_bundle


@contextmanager
def _process(log: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process group of its own, which is ended on the way out."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _mlflow(folder: Path, port: int) -> tuple[str, ...]:
    return (
        *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--allowed-hosts", f"127.0.0.1:{port}", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_api_waits_for_mlflow_and_outlives_it(tmp_path: Path, empty_database: Path) -> None:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    mlflow_port, port = free_port(), free_port()
    mlflow_url, url = f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{port}"
    settings = {
        "STREETSEG_MLFLOW_TRACKING_URI": mlflow_url,
        "STREETSEG_PORT": str(port),
        "STREETSEG_CACHE_DIR": str(tmp_path / "cache"),
        "STREETSEG_RELOAD_SECONDS": "0.5",
    }

    def get(path: str) -> requests.Response | None:
        try:
            return requests.get(f"{url}{path}", timeout=10)
        except requests.ConnectionError:
            return None

    def status(path: str) -> int | None:
        response = get(path)
        return None if response is None else response.status_code

    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _process(tmp_path / "api.log", "back", **settings) as api:
        wait_until(lambda: status("/healthz") == 200, "the API", 120)
        wait_until(lambda: f"MLflow at {mlflow_url} does not answer" in get("/readyz").text, "the reason", 60)  # type: ignore[union-attr]
        assert status("/readyz") == 503

        with _process(tmp_path / "mlflow.log", *_mlflow(tmp_path, mlflow_port), **quiet) as mlflow:
            wait_until(lambda: _is_up(mlflow_url), "MLflow", 300)
            bundle = make_bundle(tmp_path, name="segformer")
            registered = register_bundle(bundle, tracking_uri=mlflow_url, alias="champion")
            again = register_bundle(bundle, tracking_uri=mlflow_url, alias="champion")
            assert (again.version, again.created) == (registered.version, False)
            wait_until(lambda: status("/readyz") == 200, "the model", 120)
            run = requests.get(f"{url}/runs/{registered.run_id}", timeout=10).json()
            assert [point["value"] for point in run["history"]["train_loss"]] == [1.5, 0.7]
            assert run["url"] == f"{mlflow_url}/#/experiments/1/runs/{registered.run_id}"
            os.killpg(mlflow.pid, signal.SIGKILL)
            mlflow.wait()

        wait_until(lambda: status("/runs") == 503, "MLflow to be gone", 30)
        answer = requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=10)
        assert (answer.status_code, answer.headers["x-model"]) == (200, "segformer")
        assert status("/readyz") == 200
        api.send_signal(signal.SIGTERM)
        assert api.wait(20) == 0
    assert "Traceback" not in (tmp_path / "api.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_a_first_start_that_is_stopped_leaves_no_process_and_no_traceback(
    tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    settings = {
        "STREETSEG_MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
        "STREETSEG_PORT": str(free_port()),
        "STREETSEG_CACHE_DIR": str(tmp_path / "cache"),
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
    }
    log = tmp_path / "api.log"
    with _process(log, "back", **settings) as api:
        process = psutil.Process(api.pid)
        wait_until(lambda: len(process.children()) == 2, "the processes that compile", 60)
        compiling = process.children()
        api.send_signal(sent)
        assert api.wait(20) == status
        wait_until(lambda: all(map(has_ended, compiling)), "the processes that compile to end", 60)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
