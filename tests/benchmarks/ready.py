"""How long the API takes from the start of its process to /readyz 200, started as `make demo` starts it.

The measuring runs in the environment that serves (.venv-serve, no torch) where it exists, before an MLflow server.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from modelisation.demo.services import Ports, Running, Service, environment, services

ROOT = Path(__file__).resolve().parents[2]
SERVING_PYTHON = ROOT / ".venv-serve" / "bin" / "python"
_POLL_S = 0.02
_PATIENCE_S = 300.0


def ready_times(store: Path, warm_starts: int) -> dict[str, Any]:
    """`{"cold", "warm", "environment"}`: seconds with nothing cached, and with everything cached (median).

    Args:
        store: folder of the MLflow store that holds the models.
        warm_starts: how many starts the median is of.

    Raises:
        RuntimeError: a service did not start; holds the reason.
    """
    serves = SERVING_PYTHON.is_file()
    done = subprocess.run(
        [SERVING_PYTHON if serves else sys.executable, "-m", "tests.benchmarks.ready", str(store), str(warm_starts)],
        cwd=ROOT,
        # What is set for another API here, its cache above all, is not meant for this one.
        env={name: value for name, value in os.environ.items() if not name.startswith("STREETSEG_")},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it said nothing")
    environment_name = "serving" if serves else "full"
    return json.loads(done.stdout.splitlines()[-1]) | {"environment": environment_name}


def measure(store: Path, warm_starts: int) -> dict[str, float]:
    """Start MLflow once and the API several times, one after the other."""
    ports = Ports(*free_ports(3))
    mlflow, api, _ = services(ports, store, store / "logs")
    extra = environment(ports, store / "ready-cache")
    running = Running()
    try:
        running.start(mlflow, extra)
        running.wait("MLflow", lambda: requests.get(mlflow.url + mlflow.health_path, timeout=5).ok, mlflow.log)
        seconds = [_start(api, extra) for _ in range(1 + warm_starts)]
    finally:
        running.stop()
    return {"cold": round(seconds[0], 2), "warm": round(statistics.median(seconds[1:]), 2)}


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(listening.getsockname()[1]) for listening in sockets]


def _start(api: Service, extra: dict[str, str]) -> float:
    """Seconds from the start of the process to the first 200 of /readyz; ends the process again."""
    running = Running()
    try:
        begin = time.perf_counter()
        running.start(api, extra)
        while not _is_ready(api):
            running.check()
            if time.perf_counter() - begin > _PATIENCE_S:
                raise RuntimeError(f"/readyz was not 200 within {_PATIENCE_S:g} s; see {api.log}")
            time.sleep(_POLL_S)
        return time.perf_counter() - begin
    finally:
        running.stop()


def _is_ready(api: Service) -> bool:
    try:
        return requests.get(f"{api.url}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
