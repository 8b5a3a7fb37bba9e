"""Start, watch and stop the demo's three services: each in a process group of its own, with a log file.

Needs neither torch nor mlflow in this process. Every failure is a `UserError`: one sentence that says what to do.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY

HOST = "127.0.0.1"
START_SECONDS = 180.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.1
PROGRESS_SECONDS = 10.0
COMPLAINT = re.compile(r"^\S.*(error|exception|cannot|could not|failed|no such|not found|invalid)", re.IGNORECASE)


@dataclass(frozen=True)
class Ports:
    """Where the three services listen, on 127.0.0.1."""

    mlflow: int
    api: int
    dashboard: int


@dataclass(frozen=True)
class Service:
    """One service: how it is started and how it tells that it is up."""

    title: str
    port: int
    port_variable: str
    health_path: str
    command: tuple[str, ...]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def services(ports: Ports, store: Path, logs: Path) -> tuple[Service, Service, Service]:
    """The MLflow server, the API and the dashboard, in this order, as the demo runs them."""
    hosts = ",".join(f"{name}{port}" for name in ("localhost", HOST) for port in ("", f":{ports.mlflow}"))
    mlflow = Service(
        "MLflow",
        ports.mlflow,
        "MLFLOW_PORT",
        "/health",
        (
            *("mlflow", "server", "--host", HOST, "--port", str(ports.mlflow), "--workers", "1"),
            *("--allowed-hosts", hosts),
            *("--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}"),
            # Clients read and write the folder themselves, as `train` does when it logs to the database without a
            # server: so runs of both kinds are one experiment.
            *("--no-serve-artifacts", "--default-artifact-root", (store / "artifacts").resolve().as_uri()),
        ),
        logs / "mlflow.log",
    )
    api = Service("API", ports.api, "API_PORT", "/healthz", ("back",), logs / "api.log")
    dashboard = Service(
        "dashboard",
        ports.dashboard,
        "DASHBOARD_PORT",
        "/_stcore/health",
        (
            *("streamlit", "run", "front/app.py", "--server.port", str(ports.dashboard), "--server.address", HOST),
            *("--server.headless", "true", "--server.fileWatcherType", "none"),
        ),
        logs / "dashboard.log",
    )
    return mlflow, api, dashboard


def environment(ports: Ports, cache: Path) -> dict[str, str]:
    """What the services' environment adds: addresses, telemetry off, and every cache and home folder in `cache`."""
    mlflow_url = f"http://{HOST}:{ports.mlflow}"
    no_proxy = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), f"localhost,{HOST}")))
    return {
        "HOME": str(cache / "home"),
        "XDG_CACHE_HOME": str(cache / "home" / ".cache"),
        "XDG_CONFIG_HOME": str(cache / "home" / ".config"),
        "XDG_DATA_HOME": str(cache / "home" / ".local" / "share"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "MLFLOW_TRACKING_URI": mlflow_url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "DO_NOT_TRACK": "true",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "STREETSEG_HOST": HOST,
        "STREETSEG_PORT": str(ports.api),
        "STREETSEG_API_URL": f"http://{HOST}:{ports.api}",
        "STREETSEG_MLFLOW_TRACKING_URI": mlflow_url,
        "STREETSEG_MLFLOW_UI_URL": f"http://localhost:{ports.mlflow}",
        "STREETSEG_CACHE_DIR": os.environ.get("STREETSEG_CACHE_DIR") or str(cache),
        "STREETSEG_RELOAD_SECONDS": os.environ.get("STREETSEG_RELOAD_SECONDS") or "2",
    }


def check_ports(wanted: Sequence[Service]) -> None:
    """Raises UserError: two services share a port, or another program listens on one."""
    for i, service in enumerate(wanted):
        for other in wanted[:i]:
            if other.port == service.port:
                raise UserError(
                    f"{other.title} and {service.title} cannot share port {service.port}: "
                    f"give one another, for example make demo {service.port_variable}={service.port + 1}."
                )
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, service.port))
            except PermissionError as error:
                raise UserError(
                    f"Port {service.port} for {service.title} needs administrator rights: "
                    f"take one above 1023, for example make demo {service.port_variable}={service.port + 10000}."
                ) from error
            except OSError as error:
                raise UserError(
                    f"Port {service.port} for {service.title} is in use, perhaps by another demo: stop that program, "
                    f"or take another port, for example make demo {service.port_variable}={service.port + 1}."
                ) from error


def find_reason(log: Path) -> str:
    """The line of a log that most likely says why a service ended: the last complaint, else the last line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError:
        return "it left no log"
    complaints = [line for line in lines if COMPLAINT.match(line)]
    said = complaints or [line for line in lines if line.strip()]
    return said[-1].strip()[:300].rstrip(".") if said else "it said nothing"


class Running:
    """The started services; use `run_services` to make sure that they end."""

    def __init__(self) -> None:
        self._processes: dict[Service, subprocess.Popen[bytes]] = {}

    def start(self, service: Service, extra: Mapping[str, str]) -> None:
        """Start a service in its own process group, so that the terminal's Ctrl-C reaches us alone."""
        service.log.parent.mkdir(parents=True, exist_ok=True)
        with service.log.open("wb") as log:
            self._processes[service] = subprocess.Popen(
                [sys.executable, "-m", *service.command],
                cwd=REPOSITORY,
                env={**os.environ, **extra},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises UserError: a service has ended; the sentence gives its reason and its log."""
        for service, process in self._processes.items():
            status = process.poll()
            if status is not None:
                how = f"was ended by signal {-status}" if status < 0 else f"stopped with status {status}"
                raise UserError(f"{service.title} {how}: {find_reason(service.log)}. Its whole log: {service.log}")

    def wait(self, what: str, ready: Callable[[], bool], log: Path, seconds: float = START_SECONDS) -> float:
        """Wait until `ready()`; returns the seconds that it took.

        Raises UserError: a service ended meanwhile, or it took more than `seconds`.
        """
        begin = time.monotonic()
        progress = PROGRESS_SECONDS
        while True:
            self.check()
            with contextlib.suppress(requests.RequestException):
                if ready():
                    return time.monotonic() - begin
            waited = time.monotonic() - begin
            if waited > seconds:
                raise UserError(
                    f"{what} was not ready after {seconds:.0f} s: {find_reason(log)}. Its whole log: {log}"
                )
            if waited > progress:
                print(f"  … still waiting for {what} ({waited:.0f} s)", flush=True)
                progress += PROGRESS_SECONDS
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End every process group: SIGTERM, and SIGKILL for what is left after STOP_SECONDS. Reaps the children."""
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            while _group_alive(process) and time.monotonic() < deadline:
                time.sleep(0.05)
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._processes.clear()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _group_alive(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def run_services(wanted: Sequence[Service], extra: Mapping[str, str]) -> Iterator[Running]:
    """Start the services side by side; end them all on the way out, undisturbed by a second Ctrl-C."""
    running = Running()
    try:
        for service in wanted:
            running.start(service, extra)
        yield running
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        running.stop()
