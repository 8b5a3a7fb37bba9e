"""`kill -9` at any moment costs the work in progress and nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.api import PHOTO, Store, free_port, wait_until


@contextmanager
def _api(store: Store) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = free_port()
    settings = {
        "STREETSEG_MLFLOW_TRACKING_URI": store.uri,
        "STREETSEG_PORT": str(port),
        "STREETSEG_CACHE_DIR": str(store.folder / "cache"),
    }
    quiet = subprocess.DEVNULL
    api = subprocess.Popen([sys.executable, "-m", "back"], env={**os.environ, **settings}, stdout=quiet, stderr=quiet)
    try:
        yield f"http://127.0.0.1:{port}", api
    finally:
        api.kill()
        api.wait()


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.timeout(240)
def test_a_killed_service_is_ready_again_sooner_than_at_first(store: Store) -> None:
    store.add()
    seconds, masks = [], []
    for _ in range(2):
        start = time.monotonic()
        with _api(store) as (url, api):
            wait_until(lambda url=url: _ready(url), "the API", 100)
            seconds.append(time.monotonic() - start)
            masks.append(requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=60).content)
            api.kill()
    assert masks[0] == masks[1]
    # 5 s are promised on a machine of one's own; here others may use the processors.
    assert seconds[1] < max(5, seconds[0])
