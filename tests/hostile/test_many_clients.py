"""Two hundred and fifty clients at once, and hours of them: all are answered, memory stays flat, the rest is a crash.

`make hostile` runs the long form (HOSTILE_SECONDS=60) and a soak of three minutes (SOAK_MINUTES=60 for an hour).
"""

import contextlib
import http.client
import io
import json
import os
import resource
import signal
import socket
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
import pytest
import requests
from PIL import Image

from tests.api import Store, free_port, wait_until
from tests.hostile.figures import LONG, figure

SECONDS = float(os.environ.get("HOSTILE_SECONDS", "4"))
SOAK_MINUTES = float(os.environ.get("SOAK_MINUTES", "0"))
SMALL, LARGE = (200, 50) if LONG else (40, 10)
MEMORY_MB = 2000  # the page's figure for the API: docs/deployment.md


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

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@contextmanager
def running(store: Store, files: int | None = None) -> Iterator[Api]:
    """The API, with a limit on its open files where one is given."""
    port = free_port()
    environment = {
        **os.environ,
        "STREETSEG_MLFLOW_TRACKING_URI": store.uri,
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
            self.statuses[answer.status] += 1
            (self.answer_s if answer.status == 200 else self.refusal_s).append(time.perf_counter() - start)
            if answer.status == 503:
                self.stop.wait(float(answer.headers["Retry-After"]))

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


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_every_client_is_answered_in_bounded_memory_and_capacity_is_back_at_once(store: Store) -> None:
    store.add(pixel_budget=1 << 19)
    small, large = form_of(jpeg(1024, 2048)), form_of(jpeg(3000, 4000))
    with running(store) as api:
        load = Load(api)
        load.run([small] * SMALL + [large] * LARGE, SECONDS)
        start = time.monotonic()
        wait_until(lambda: requests.post(f"{api.url}/predict", files={"image": jpeg(200, 400)}).ok, "capacity", 30)
        back_s = time.monotonic() - start
        health = sorted(load.health_s)
        figure(
            f"{SMALL} clients with 2 and {LARGE} with 12 megapixels",
            tried=len(load.answer_s) + len(load.refusal_s),
            answered=load.statuses[200],
            refused=load.statuses[503],
            errors_5xx=sum(n for status, n in load.statuses.items() if status in (500, 502, 504)),
            worst_s=max(load.answer_s),
            worst_refusal_s=max(load.refusal_s, default=0.0),
            worst_healthz_p99_ms=1000 * health[len(health) * 99 // 100],
            worst_capacity_back_s=back_s,
            peak_mb=api.memory_mb("VmHWM"),
        )
        # Whatever else there is, is the name of an exception: somebody was cut off.
        assert set(load.statuses) <= {200, 503}
        assert load.statuses[200] > 0
        assert api.memory_mb("VmHWM") < MEMORY_MB
        assert back_s < 5

        # And a crash: what is verified in the cache serves again; here with few file descriptors.
        api.process.send_signal(signal.SIGKILL)
        api.process.wait(10)
    start = time.monotonic()
    with running(store, files=256) as api:
        ready_s = time.monotonic() - start
        figure("kill -9 and start again", tried=1, worst_ready_s=ready_s)
        assert ready_s < 30  # of a loaded machine; the figure says how long it took
        assert "may open 256 files at once" in api.log.read_text(encoding="utf-8")
        host, port = api.url.removeprefix("http://").split(":")
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            assert requests.get(f"{api.url}/healthz", timeout=30).status_code == 200
            assert (
                requests.post(f"{api.url}/predict", files={"image": jpeg(1200, 1600)}, timeout=60).status_code == 200
            )


@pytest.mark.alone
@pytest.mark.timeout(2 * 3600)
@pytest.mark.skipif(not SOAK_MINUTES, reason="takes minutes: make hostile, or SOAK_MINUTES=60")
def test_memory_stays_flat_for_as_long_as_it_is_watched(store: Store) -> None:
    store.add(pixel_budget=1 << 19)
    bodies = [form_of(jpeg(1024, 2048))] * 8 + [form_of(jpeg(1500, 2000))] * 4
    with running(store) as api:
        Load(api).run(bodies, min(30.0, 15 * SOAK_MINUTES))  # until everything that is kept has been made once
        rounds, memory, load = 10, [], Load(api)
        for _ in range(rounds):
            load.stop.clear()
            load.run(bodies, SOAK_MINUTES * 60 / rounds)
            memory.append(api.memory_mb("VmRSS"))
        slope = float(np.polyfit(range(rounds), memory, 1)[0]) * (rounds - 1)
        figure(
            f"soak of {SOAK_MINUTES:g} minutes",
            answered=load.statuses[200],
            refused=load.statuses[503],
            peak_mb=max(memory),
            growth_mb=slope,
        )
        assert set(load.statuses) <= {200, 503}
        assert slope < 60
