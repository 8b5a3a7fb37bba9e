"""Serving at scale: one and two replicas behind nginx, Ray Serve beside uvicorn, and what MLflow takes.

    python -m tests.benchmarks.replicas

`make benchmark-scale` runs it after the labelling. It fills the part `serving` of docs/scale.json, and the tables of
docs/scale.md.
"""

import argparse
import datetime
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient
from tqdm import tqdm

from back.catalogue import read_catalogue
from back.runtime.bundle_cache import download_here
from modelisation.provenance import git_state, machine, package_versions
from modelisation.reports.readme import main as write_tables
from modelisation.reports.scale import SCALE_REPORT
from tests.balancer import NGINX, balancing
from tests.benchmarks.folder import write_photos
from tests.benchmarks.server import ApiProcess, MlflowProcess, register
from tests.on_ray_serve import serving_on_ray

SIZE = (360, 480)
CORES = (0, 1)  # of a replica each
CLIENTS = 4  # of a replica, each sending one photo after the other
_ASKS, _DOWNLOADS, _WARM_UP = 60, 5, 60
_PACKAGES = ("ray", "uvicorn", "openvino", "mlflow")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("modelisation/bundled/segformer"))
    parser.add_argument("--rounds", type=int, default=5, help="of one replica, the other, and both (default: 5)")
    parser.add_argument("--seconds", type=float, default=20, help="of each (default: 20)")
    parser.add_argument("--requests", type=int, default=1000, help="to uvicorn and to Ray Serve each (default: 1000)")
    parser.add_argument("--json", type=Path, default=SCALE_REPORT, help="where the report goes (default: docs/)")
    args = parser.parse_args()
    if not set(CORES) <= os.sched_getaffinity(0):
        print(f"Two replicas need a processor each; this process may use {os.cpu_count()}.", file=sys.stderr)
        return 2
    report = json.loads(args.json.read_text(encoding="utf-8")) if args.json.is_file() else {}
    report["serving"] = measure(args.model, args.rounds, args.seconds, args.requests)
    args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return write_tables() if args.json.resolve() == SCALE_REPORT else 0


def measure(bundle: Path, rounds: int, seconds: float, requests: int) -> dict[str, Any]:
    code = git_state()  # of what is measured, whatever is changed meanwhile
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (photo,) = write_photos(folder / "photos", 1, *SIZE, "jpg")
        form = _form(photo.read_bytes())
        register([bundle], folder)
        mlflow = MlflowProcess(folder)
        mlflow.start()
        try:
            parts = {
                "registry": _registry(mlflow, folder),
                "replicas": _replicas(mlflow.url, folder, form, rounds, seconds),
                "ray_serve": _ray_serve(mlflow.url, folder, form, requests),
            }
        finally:
            mlflow.stop()
    version = subprocess.run([NGINX, "-v"], capture_output=True, encoding="utf-8", check=True).stderr
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **code,
        "machine": machine(),
        "packages": {**package_versions(_PACKAGES), "nginx": version.strip().rpartition("/")[2]},
        "model": bundle.name,
        "photo": {"width": SIZE[1], "height": SIZE[0], "request_bytes": len(form)},
        **parts,
    }


def _form(photo: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n\r\n'
    return head + photo + b"\r\n--b--\r\n"


def _sender(url: str, form: bytes) -> Callable[[], int]:
    """A call that sends the photo over a connection that stays open, and gives the bytes of its mask."""
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    headers = {"Content-Type": "multipart/form-data; boundary=b", "X-API-Key": threading.current_thread().name}

    def send() -> int:
        connection.request("POST", "/predict", form, headers)
        answer = connection.getresponse()
        mask = answer.read()
        assert answer.status == 200, f"{url} answers {answer.status}: {mask[:300]!r}"
        return len(mask)

    return send


def _rate(url: str, form: bytes, clients: int, seconds: float) -> tuple[float, int]:
    """Requests a second that these clients get answered together, and the bytes of a mask."""
    counts, sizes, failures = [0] * clients, [0] * clients, list[BaseException]()
    start = time.perf_counter()

    def client(number: int) -> None:
        try:
            send = _sender(url, form)
            while time.perf_counter() - start < seconds:
                sizes[number] = send()
                counts[number] += 1
        except BaseException as error:
            failures.append(error)

    # nginx counts rates by key, and none may be reached here.
    threads = [threading.Thread(target=client, args=(n,), name=f"{os.urandom(8).hex()}") for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - start), max(sizes)


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """What is started meanwhile stays on these processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _replicas(mlflow_url: str, folder: Path, form: bytes, rounds: int, seconds: float) -> dict[str, Any]:
    """Rates of each replica alone and of both; balancer and clients are on the same processors as the replicas."""
    with ExitStack() as stack:
        replicas = [ApiProcess(mlflow_url, folder, "cache", None) for _ in CORES]
        for core, replica in zip(CORES, replicas, strict=True):
            stack.callback(replica.stop)
            with _on([core]):
                replica.start()
        ports = [int(replica.url.rpartition(":")[2]) for replica in replicas]
        ways: dict[str, tuple[str, Sequence[int]]] = {}
        for name, cores in (("first", CORES[:1]), ("second", CORES[1:]), ("both", CORES)):
            with _on(cores):
                url = stack.enter_context(balancing(folder / f"nginx-{name}", [ports[core] for core in cores]))
            ways[name] = (url, cores)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        mask_bytes, nginx_s, answered = 0, 0.0, 0.0
        with tqdm(total=rounds * len(ways) + len(ways), desc="replicas", unit="run") as bar:
            for turn in range(-1, rounds):  # the first warms up
                for name, (url, cores) in ways.items():
                    before = _nginx_s()
                    with _on(cores):
                        rate, mask_bytes = _rate(url, form, CLIENTS * len(cores), seconds if turn >= 0 else 5)
                    if turn >= 0:
                        rates[name].append(round(rate, 3))
                        nginx_s += _nginx_s() - before
                        answered += rate * seconds
                    bar.update()
    return {
        "rounds": rounds,
        "seconds": seconds,
        "clients_each": CLIENTS,
        "mask_bytes": mask_bytes,
        "rates": rates,
        "balancer_ms": round(1e3 * nginx_s / answered, 4),
    }


def _nginx_s() -> float:
    """Processor seconds of all nginx processes that this one started."""
    times = [
        child.cpu_times() for child in psutil.Process().children(recursive=True) if child.name().startswith("nginx")
    ]
    return sum(one.user + one.system for one in times)


def _ray_serve(mlflow_url: str, folder: Path, form: bytes, requests: int) -> dict[str, Any]:
    """Milliseconds of a request to one API, by uvicorn and by Ray Serve in turns, nothing else being asked."""
    processors = max(1, len(os.sched_getaffinity(0)) - 1)  # Ray's own programs run beside the replica
    settings = {"STREETSEG_MLFLOW_TRACKING_URI": mlflow_url, "STREETSEG_CACHE_DIR": str(folder / "cache")}
    os.environ["STREETSEG_THREADS"] = str(processors)
    api = ApiProcess(mlflow_url, folder, "cache", None)
    try:
        api.start()
        with serving_on_ray(settings, processors) as url:
            ways = {"uvicorn": _sender(api.url, form), "Ray Serve": _sender(url, form)}
            times: dict[str, list[float]] = {name: [] for name in ways}
            for turn in tqdm(range(-_WARM_UP, requests), "Ray Serve", unit="round"):
                for name, send in ways.items():
                    start = time.perf_counter()
                    send()
                    if turn >= 0:
                        times[name].append(round((time.perf_counter() - start) * 1e3, 3))
    finally:
        api.stop()
        del os.environ["STREETSEG_THREADS"]
    return {"threads": processors, "requests": requests, "milliseconds": times}


def _registry(mlflow: MlflowProcess, folder: Path) -> dict[str, Any]:
    """What a question for all aliases and a download of the model cost the MLflow server, in its processor time."""
    client = MlflowClient(tracking_uri=mlflow.url, registry_uri=mlflow.url)
    server = [psutil.Process(mlflow.pid), *psutil.Process(mlflow.pid).children(recursive=True)]

    def spent(ask: Callable[[int], object], count: int) -> float:
        ask(-1)
        before = sum(sum(one.cpu_times()[:2]) for one in server)
        for turn in range(count):
            ask(turn)
        return (sum(sum(one.cpu_times()[:2]) for one in server) - before) / count

    (model,) = read_catalogue(client).values()
    (version,) = model.versions
    ask_s = spent(lambda _: read_catalogue(client), _ASKS)
    seconds = []

    def download(turn: int) -> None:
        scratch = folder / f"download{turn}"
        scratch.mkdir()
        start = time.perf_counter()
        download_here(client, model.name, version, scratch)
        seconds.append(time.perf_counter() - start)

    download_s = spent(download, _DOWNLOADS)
    size = sum(path.stat().st_size for path in (folder / "download0").rglob("*") if path.is_file())
    return {
        "ask_ms": round(1e3 * ask_s, 3),
        "download_ms": round(1e3 * download_s, 3),
        "download_wall_ms": round(1e3 * statistics.median(seconds), 3),
        "download_bytes": size,
    }


if __name__ == "__main__":
    sys.exit(main())
