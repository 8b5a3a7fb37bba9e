"""The real API over registered bundles and the dashboard before it, as two processes on free ports of 127.0.0.1.

The bundled models serve where the checkout holds them, else tiny test bundles that label by the nearest colour.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import requests

from back.runtime.card import REPORT_FILE
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.registry.versions import register_bundle
from tests.api import free_port
from tests.bundles import make_bundle

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


class Process:
    """A child process of a Python, in a group of its own, whose output goes to a log file."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], log: Path, is_up: str, python: str = sys.executable
    ) -> None:
        self._command, self._environment, self._log, self._is_up = command, dict(environment), log, is_up
        self._python = python
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    def start(self) -> None:
        """Start and wait until it answers."""
        with self._log.open("ab") as out:
            self._child = subprocess.Popen(
                [self._python, "-m", *self._command],
                cwd=ROOT,
                env=os.environ | self._environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self._answers, f"{self._is_up} (see {self._log}: {self._tail()})", START_SECONDS)

    def stop(self) -> None:
        if self._child is None or self._child.poll() is not None:
            return
        os.killpg(self._child.pid, signal.SIGTERM)
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait(5)

    def _answers(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, f"{self._command} ended: {self._tail()}"
        with contextlib.suppress(requests.RequestException):
            return requests.get(self._is_up, timeout=2).status_code == 200
        return False

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:] if self._log.exists() else ""


class Stack:
    """Both processes and where they listen."""

    def __init__(self, folder: Path) -> None:
        api_port = free_port()
        self.folder = folder
        self.api_url = f"http://127.0.0.1:{api_port}"
        store = f"sqlite:///{folder / 'mlflow.db'}"
        for bundle in bundles(folder):
            checked = json.loads((bundle / REPORT_FILE).read_text(encoding="utf-8")).get("parity")
            register_bundle(bundle, tracking_uri=store, alias="champion" if checked else "candidate")
        self.api = Process(
            ["back"],
            _QUIET
            | {
                "STREETSEG_MLFLOW_TRACKING_URI": store,
                "STREETSEG_MLFLOW_UI_URL": "http://127.0.0.1:5000",
                "STREETSEG_CACHE_DIR": str(folder / "cache"),
                "STREETSEG_HOST": "127.0.0.1",
                "STREETSEG_PORT": str(api_port),
            },
            folder / "api.log",
            f"{self.api_url}/readyz",
        )
        self.ui_url, self.ui = dashboard(folder, self.api_url)


def dashboard(folder: Path, api_url: str) -> tuple[str, Process]:
    """A dashboard before that API, not yet started, and its address; its log goes into the folder."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["streamlit", "run", "front/app.py", "--server.port", str(port)]
    log = folder / f"dashboard-{port}.log"
    return url, Process(command, _QUIET | {"STREETSEG_API_URL": api_url}, log, f"{url}/_stcore/health")


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """The stack, stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            stack.api.start()
            stack.ui.start()
            yield stack
        finally:
            stack.ui.stop()
            stack.api.stop()


def bundles(folder: Path) -> list[Path]:
    """Both models to serve: as they ship with the project where they do, else test bundles made in `folder`."""
    shipped = {bundle.name: bundle for bundle in find_bundles(FOLDER)} if any(FOLDER.glob("*/model.json")) else {}
    return [
        shipped.get("deeplabv3plus") or make_bundle(folder, name="deeplabv3plus", miou=0.61, score_stride=4),
        shipped.get("segformer")
        or make_bundle(folder, name="segformer", miou=0.66, score_stride=8, pixel_budget=96 * 192),
    ]


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition, at most so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)


def peak_memory_bytes(pid: int) -> int:
    """The most memory a process ever had in RAM (VmHWM of /proc)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/status has no VmHWM")
