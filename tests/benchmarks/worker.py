"""A peer in a process of its own: its memory is its own, and its threads disturb no other way."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from modelisation.evaluation.serving_memory import peak_rss_bytes
from tests.benchmarks.failures import sentence
from tests.benchmarks.material import Material
from tests.benchmarks.peers import BareOpenVino, Peer
from tests.benchmarks.photos import Case

# torch.compile takes minutes; whoever needs longer has failed.
PATIENCE_S = 1200.0
_SETTLE_S = 4.0


class PeerError(RuntimeError):
    """A way that does not work here, in a sentence."""


@dataclass(frozen=True)
class Answer:
    """One call: its milliseconds, the mask (None for a way that makes none), and its stages where it tells them."""

    ms: float
    png: bytes | None
    stages: dict[str, float]


class Worker:
    """The parent's side. Every method raises PeerError when the peer fails."""

    def __init__(self, peer: type[Peer], material: Material, urls: dict[int | None, str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, peer, material, urls), daemon=True)
        self._process.start()
        other.close()
        self._receive()

    def use(self, case: Case) -> None:
        """Load a photo and warm up."""
        self._ask("use", case)

    def call(self) -> Answer:
        """Work on the photo once."""
        return Answer(*self._ask("call"))

    def mask_of(self, case: Case) -> bytes | None:
        """The mask of another photo of the same network input; not timed."""
        mask: bytes | None = self._ask("mask_of", case)
        return mask

    def images_per_second(self, clients: int, seconds: float) -> float:
        """So many clients at once, each sending its next photo when it has an answer."""
        return float(self._ask("throughput", clients, seconds))

    def bulk_images_per_second(self, seconds: float) -> float:
        """The bare engine's own throughput mode."""
        return float(self._ask("bulk", seconds))

    def peak_rss_bytes(self) -> int | None:
        """The most memory that the peer's process ever had."""
        peak: int | None = self._ask("memory")
        return peak

    def stop(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(5)

    def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            self._connection.send((question, arguments))
        except OSError as error:
            raise PeerError("its process has ended") from error
        return self._receive()

    def _receive(self) -> Any:
        if not self._connection.poll(PATIENCE_S):
            self._process.kill()
            raise PeerError(f"no answer within {PATIENCE_S:g} s")
        try:
            failed, value = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join(5)
            raise PeerError(f"its process ended with status {self._process.exitcode}") from error
        if failed:
            raise PeerError(value)
        return value


def _serve(connection: Connection, peer_type: type[Peer], material: Material, urls: dict[int | None, str]) -> None:
    """The child: answer questions until the parent is gone. A failure is an answer too."""
    try:
        child = _Child(peer_type(material, urls))
        connection.send((False, None))
    except Exception as error:
        connection.send((True, sentence(error)))
        return
    while True:
        try:
            question, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send((False, getattr(child, question)(*arguments)))
        except Exception as error:
            connection.send((True, sentence(error)))


class _Child:
    """One method for each question."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def use(self, case: Case) -> None:
        self._data = case.data
        self._peer.use(case)
        for _ in range(self._peer.warm_up):
            self._peer(self._data)
        if self._peer.warm_up > 2:  # what it does in the background should be done before it is timed
            time.sleep(_SETTLE_S)
            self._peer(self._data)

    def call(self) -> tuple[float, bytes | None, dict[str, float]]:
        start = time.perf_counter()
        png = self._peer(self._data)
        return (time.perf_counter() - start) * 1e3, png, self._peer.stages()

    def mask_of(self, case: Case) -> bytes | None:
        return self._peer(case.data)

    def throughput(self, clients: int, seconds: float) -> float:
        start = time.perf_counter()

        def client() -> int:
            done = 0
            while time.perf_counter() < start + seconds:
                self._peer(self._data)
                done += 1
            return done

        with ThreadPoolExecutor(clients) as pool:
            done = sum(future.result() for future in [pool.submit(client) for _ in range(clients)])
        return done / (time.perf_counter() - start)

    def bulk(self, seconds: float) -> float:
        peer = self._peer
        if not isinstance(peer, BareOpenVino):
            raise TypeError("only the bare engine has a bulk mode")
        peer.in_bulk(16)
        done, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds:
            peer.in_bulk(16)
            done += 16
        return done / (time.perf_counter() - start)

    def memory(self) -> int | None:
        return peak_rss_bytes()
