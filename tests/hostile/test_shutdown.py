"""SIGTERM in the middle of a full queue: every request is answered, and the process ends cleanly."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.api import Store, free_port, noise_png, wait_until

CLIENTS = 48


@pytest.mark.timeout(240)
def test_a_full_queue_is_answered_and_the_process_ends_with_zero(store: Store, tmp_path: Path) -> None:
    store.add(pixel_budget=1 << 20)
    port, photo = free_port(), noise_png(1024, 2048)
    url = f"http://127.0.0.1:{port}"
    settings = {
        "STREETSEG_MLFLOW_TRACKING_URI": store.uri,
        "STREETSEG_PORT": str(port),
        "STREETSEG_CACHE_DIR": str(store.folder / "cache"),
    }
    log = tmp_path / "api.log"
    with log.open("wb") as output:
        api = subprocess.Popen(
            [sys.executable, "-m", "back"], env={**os.environ, **settings}, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: _status(url) == 200, "the API", 120)
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [pool.submit(requests.post, f"{url}/predict", files={"image": photo}) for _ in range(CLIENTS)]
            wait_until(lambda: _admitted(url) >= 12, "the queue", 60)
            api.send_signal(signal.SIGTERM)
            start = time.monotonic()
            statuses = sorted(answer.result().status_code for answer in answers)
            assert api.wait(30) == 0
            seconds = time.monotonic() - start
    finally:
        if api.poll() is None:
            api.kill()
            api.wait()
    assert set(statuses) == {200, 503}
    assert seconds < 15
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _status(url: str) -> int | None:
    try:
        return requests.get(f"{url}/readyz", timeout=5).status_code
    except requests.ConnectionError:
        return None


def _admitted(url: str) -> float:
    lines = requests.get(f"{url}/metrics", timeout=30).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("streetseg_admitted_requests "))
