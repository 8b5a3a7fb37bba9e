"""Our API as it is run: `python -m back` before an MLflow server, in the serving environment where it is there."""

import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import requests
from tqdm import tqdm

from back.runtime.engines.base import Precision
from modelisation.registry.versions import register_bundle
from tests.api import free_port
from tests.benchmarks.photos import Case
from tests.benchmarks.ready import SERVING_PYTHON
from tests.browser.stack import Process, peak_memory_bytes

MIXED_REQUESTS = 500
_CLIENTS = 4
_PYTHON = str(SERVING_PYTHON) if SERVING_PYTHON.is_file() else sys.executable


class ServerError(RuntimeError):
    """Our API does not start or does not answer, in a sentence."""


class ApiProcess:
    """One API process.

    Args:
        mlflow_url: an MLflow server that holds the models.
        folder: what this process caches goes to `cache` inside it.
        pixel_budget: the setting of that name; None leaves it to the cards.
        precision: the setting of that name.
    """

    def __init__(
        self, mlflow_url: str, folder: Path, cache: str, pixel_budget: int | None, precision: Precision = "auto"
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "STREETSEG_MLFLOW_TRACKING_URI": mlflow_url,
            "STREETSEG_CACHE_DIR": str(folder / cache),
            "NUMBA_CACHE_DIR": str(folder / cache / "numba"),
            "STREETSEG_HOST": "127.0.0.1",
            "STREETSEG_PORT": str(port),
            "STREETSEG_PIXEL_BUDGET": str(pixel_budget or ""),
            "STREETSEG_PRECISION": precision,
        }
        self._process = Process(["back"], environment, folder / f"api-{port}.log", f"{self.url}/readyz", _PYTHON)

    def start(self) -> float:
        """Start; returns the seconds from the start of the process to the first 200 of /readyz.

        Raises:
            ServerError: it does not get there; holds the end of its log.
        """
        start = time.perf_counter()
        try:
            self._process.start()
        except AssertionError as error:
            raise ServerError(f"The API did not start: {error}") from error
        return time.perf_counter() - start

    def stop(self) -> None:
        self._process.stop()

    def rss_bytes(self) -> int:
        """Memory now."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def peak_rss_bytes(self) -> int:
        """The most memory so far."""
        return peak_memory_bytes(self._process.pid)


class MlflowProcess:
    """An MLflow server over the models that `register` put into `folder`."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", _store(folder), "--artifacts-destination", str(folder / "artifacts")]
        environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._process = Process(command, environment, folder / "mlflow.log", f"{self.url}/health", _PYTHON)

    def start(self) -> None:
        """Start and wait until it answers. Raises ServerError."""
        try:
            self._process.start()
        except AssertionError as error:
            raise ServerError(f"MLflow did not start: {error}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.stop()


def register(bundles: Sequence[Path], folder: Path) -> None:
    """Put bundles into the store of `folder`."""
    for bundle in bundles:
        register_bundle(bundle, tracking_uri=_store(folder), alias="candidate")


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def soak(api: ApiProcess, cases: Sequence[Case], models: Sequence[str], count: int) -> dict[str, Any]:
    """Memory over `count` mixed requests of four clients: every photo, model, output and format, and comparisons.

    Returns:
        `requests`, `peak_rss_bytes`, and `growth_bytes`: median memory over the last tenth less the median over the
        tenth that ends 300 requests (or three fifths) before the end.
    """
    variants = [
        f"/predict?model={model}&output={output}&format={file_format}"
        for model in models
        for output in ("mask", "classes", "overlay")
        for file_format in ("png", "json")
    ] + ["/compare"]
    rss: list[int] = []

    def one(i: int) -> None:
        case = cases[i % len(cases)]
        # Coprime strides: every photo meets every variant.
        path = variants[i * 5 % len(variants)]
        requests.post(api.url + path, files={"image": case.data}, timeout=120).raise_for_status()
        rss.append(api.rss_bytes())

    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(tqdm(pool.map(one, range(count)), "mixed requests", total=count, unit="request"))
    tenth, settled = max(1, count // 10), count * 2 // 5
    growth = statistics.median(rss[-tenth:]) - statistics.median(rss[settled - tenth : settled])
    return {
        "requests": count,
        "peak_rss_bytes": api.peak_rss_bytes(),
        "growth_bytes": round(growth),
        "rss_bytes": rss,
    }


class HealthProbe(threading.Thread):
    """Asks /healthz every 20 ms until stopped; `times_ms` has every answer's time."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._stop_asking = threading.Event()
        self.times_ms: list[float] = []

    def run(self) -> None:
        with requests.Session() as session:
            session.get(f"{self._url}/healthz", timeout=10)
            while not self._stop_asking.wait(0.02):
                start = time.perf_counter()
                session.get(f"{self._url}/healthz", timeout=10).raise_for_status()
                self.times_ms.append((time.perf_counter() - start) * 1e3)

    def finish(self) -> list[float]:
        self._stop_asking.set()
        self.join(30)
        return self.times_ms
