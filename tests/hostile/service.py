"""The API as a process of its own, and clients that send it one photo after the other."""

import http.client
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests
from PIL import Image

from tests.api import Store, free_port, wait_until


@dataclass
class Api:
    """`python -m back` as a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def memory_mb(self, what: str) -> float:
        """`VmRSS` now, or `VmHWM`, the most there was."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1000

    def cpu_s(self) -> float:
        """Processor time so far, that of processes which it started and which ended included."""
        numbers = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(map(int, numbers[11:15])) / os.sysconf("SC_CLK_TCK")

    def predict(self, photo: bytes) -> requests.Response:
        return requests.post(f"{self.url}/predict", files={"image": photo}, timeout=120)

    def admitted(self) -> float:
        """Requests that work or wait for their turn."""
        lines = requests.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("streetseg_admitted_requests "))

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False


@contextmanager
def running(store: Store, mlflow_uri: str | None = None, files: int | None = None) -> Iterator[Api]:
    """The API over a store, with another address for it, and with a limit on its open files, where one is given."""
    port = free_port()
    environment = {
        **os.environ,
        "STREETSEG_MLFLOW_TRACKING_URI": mlflow_uri or store.uri,
        "STREETSEG_PORT": str(port),
        "STREETSEG_CACHE_DIR": str(store.folder / "cache"),
    }
    log = store.folder / f"api-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "back"],
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))),
        )
    api = Api(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(api.is_ready, "the API", 120)
        yield api
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def jpeg(height: int, width: int) -> bytes:
    """As large as a camera's: smooth areas with grain."""
    random = np.random.default_rng(7)
    coarse = random.integers(0, 256, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    picture += random.integers(-12, 13, (height, width, 1), dtype=np.int16)
    buffer = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def form_of(photo: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head + photo + b"\r\n--b--\r\n"


# Asks for /healthz twenty times a second until its input ends; prints the seconds of each answer.
_WATCH = """
import http.client, json, select, sys, time
connection, seconds = http.client.HTTPConnection(*sys.argv[1:], timeout=60), []
print("begins", flush=True)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    start = time.perf_counter()
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert (answer.read(), answer.status) == (b'{"status":"ok"}', 200)
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
"""


@dataclass
class Load:
    """Clients that send one photo after the other until told to stop, and wait as long as they are asked to."""

    api: Api
    stop: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[int | str] = field(default_factory=Counter)
    refusal_s: list[float] = field(default_factory=list)
    answer_s: list[float] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)

    def client(self, body: bytes) -> None:
        host, port = self.api.url.removeprefix("http://").split(":")
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        while not self.stop.is_set():
            connection = http.client.HTTPConnection(host, int(port), timeout=120)
            start = time.perf_counter()
            try:
                connection.request("POST", "/predict", body, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                continue
            finally:
                connection.close()
            wait_s = answer.headers["Retry-After"]
            refused = answer.status == 503
            self.statuses[answer.status if bool(wait_s) == refused else f"{answer.status}, Retry-After {wait_s}"] += 1
            (self.answer_s if answer.status == 200 else self.refusal_s).append(time.perf_counter() - start)
            if refused:
                self.stop.wait(float(wait_s or 1))

    def run(self, bodies: list[bytes], seconds: float) -> None:
        host, port = self.api.url.removeprefix("http://").split(":")
        # Another process: in this one, two hundred clients keep each other waiting.
        with subprocess.Popen(
            [sys.executable, "-c", _WATCH, host, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as watch:
            assert watch.stdout is not None
            assert watch.stdout.readline() == b"begins\n"
            threads = [threading.Thread(target=self.client, args=(body,)) for body in bodies]
            for thread in threads:
                thread.start()
            time.sleep(seconds)
            told, _ = watch.communicate(timeout=60)
            self.stop.set()
            for thread in threads:
                thread.join(180)
        self.health_s = json.loads(told)
