"""Two replicas as real processes behind a real nginx: an alias moves, a job is anybody's, and one of them dies."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.api import PHOTO, Store, new_store, wait_until
from tests.balancer import balancing
from tests.clips import make_clip, moving_stripes
from tests.hostile.service import Api, running


@dataclass
class Stack:
    """Replicas over one store, which share a cache and the folder of jobs."""

    url: str
    store: Store
    replicas: list[Api]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Stack]:
    store = new_store(tmp_path_factory.mktemp("replicas") / "store", empty_database)
    store.add("segformer")
    with ExitStack() as together:
        patch = together.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"RELOAD_SECONDS": "0.5", "THREADS": "1", "PRECISION": "fp32"}.items():
            patch.setenv(f"STREETSEG_{name}", value)
        # One after the other: the second finds the model downloaded, tried and compiled.
        replicas = [together.enter_context(running(store)) for _ in range(2)]
        ports = [int(replica.url.rpartition(":")[2]) for replica in replicas]
        url = together.enter_context(balancing(store.folder / "nginx", ports))
        yield Stack(url, store, replicas)


@dataclass
class Clients:
    """Send one photo after the other through the balancer, over connections that stay open."""

    url: str
    stop: threading.Event = field(default_factory=threading.Event)
    answers: Counter[tuple[int | str, str | None]] = field(default_factory=Counter)  # (status, version)

    def send(self) -> None:
        with requests.Session() as session:
            session.headers["X-API-Key"] = threading.current_thread().name  # nginx counts the rate of each
            while not self.stop.is_set():
                try:
                    answer = session.post(f"{self.url}/predict", files={"image": PHOTO}, timeout=60)
                    self.answers[answer.status_code, answer.headers.get("X-Model-Version")] += 1
                except requests.RequestException as error:
                    self.answers[type(error).__name__, None] += 1
                time.sleep(0.06)  # below that rate

    @contextmanager
    def at_work(self, number: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.send) for _ in range(number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(90)


def versions_of(stack: Stack) -> list[str]:
    time.sleep(0.2)
    answers = [requests.post(f"{one.url}/predict", files={"image": PHOTO}, timeout=60) for one in stack.replicas]
    return [answer.headers["X-Model-Version"] for answer in answers]


def test_an_alias_moves_under_load_and_no_request_fails(stack: Stack) -> None:
    clients = Clients(stack.url)
    with clients.at_work(3):
        wait_until(lambda: clients.answers[200, "1"] > 10, "answers of the first version", 60)
        stack.store.add("segformer", "candidate", bias=0.5)
        first = stack.replicas[0].url  # has it downloaded and tried, for the other, too
        second = f"{first}/predict?model=segformer/2"
        wait_until(lambda: requests.post(second, files={"image": PHOTO}, timeout=90).ok, "the second version", 90)
        stack.store.client.set_registered_model_alias("segformer", "champion", "2")
        wait_until(lambda: versions_of(stack) == ["2", "2"], "the second version on both", 90)
        seen = clients.answers[200, "2"]
        wait_until(lambda: clients.answers[200, "2"] > seen + 10, "answers of the second version", 60)
        stack.store.client.set_registered_model_alias("segformer", "champion", "1")
        wait_until(lambda: versions_of(stack) == ["1", "1"], "the first version on both", 60)
    assert set(clients.answers) == {(200, "1"), (200, "2")}


def test_a_clip_is_sent_to_one_replica_and_asked_for_at_any(stack: Stack, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(2)).read_bytes()
    job = requests.post(f"{stack.url}/videos", files={"clip": clip}, timeout=60).json()["id"]

    def states() -> list[str]:
        asked = [*(one.url for one in stack.replicas), stack.url]
        return [requests.get(f"{url}/jobs/{job}", timeout=30).json()["state"] for url in asked]

    assert set(states()) <= {"queued", "running", "done"}
    wait_until(lambda: states() == ["done"] * 3, "the job to be done everywhere", 90)
    films = {requests.get(f"{one.url}/jobs/{job}/overlay.mp4", timeout=30).content for one in stack.replicas}
    assert len(films) == 1


def test_a_replica_that_ends_takes_no_later_request_with_it(stack: Stack) -> None:
    """The last test of the stack."""
    ended = stack.replicas[0].process
    clients = Clients(stack.url)
    with clients.at_work(2):
        wait_until(lambda: clients.answers[200, "1"] > 5, "answers", 60)
        ended.send_signal(signal.SIGTERM)
        assert ended.wait(60) == 0
    assert set(clients.answers) <= {(200, "1"), (503, None)}  # 503: its queue was being ended
    later = Clients(stack.url)
    with later.at_work(2):
        wait_until(lambda: later.answers[200, "1"] > 10, "answers of the other", 60)
    assert set(later.answers) == {(200, "1")}
