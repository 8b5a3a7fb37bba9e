"""Which input sizes get a network of their own.

A network compiled for one size is faster than the one for all sizes. But it takes seconds to compile and keeps
working memory of its own, so only a size that many of the last requests had gets one.

Worth, as processor time of the network for all sizes over that of the network for one (2-core Intel Xeon, 30
interleaved rounds a figure): SegFormer 2.1 to 2.2; DeepLabV3+ 1.15 at 480x384, 1.08 at 608x320, 1.05 at 1024x512. The
network is more than half of a request at each of them.
"""

import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Generic, TypeVar

Network = TypeVar("Network")
Size = tuple[int, int]

# At most this many: each keeps its own working memory (about 100 MB for half a megapixel).
MAX_NETWORKS = 2
WINDOW = 32  # how many of the last requests are looked at
HOT = 4  # a size that so many of them had gets a network
NEARLY_ALL = 24  # the same, where a network of its own gains less

log = logging.getLogger(__name__)


class HotSizes(Generic[Network]):
    """Networks for the input sizes that most requests have, compiled in the background; no request waits for them.

    When there are `most` networks, a new one takes the place of one whose size none of the last WINDOW requests had;
    while all are in use, no further one is compiled.

    Args:
        compile_for: compiles the network for one (height, width); runs in a background thread.
        added: called after a network was added, in the same thread.
        hot: a size gets a network when so many of the last WINDOW requests had it.
        most: how many networks to keep.
    """

    def __init__(
        self,
        compile_for: Callable[[Size], Network],
        added: Callable[[], None] = lambda: None,
        *,
        hot: int = HOT,
        most: int = MAX_NETWORKS,
    ) -> None:
        self._compile_for = compile_for
        self._added = added
        self._hot = hot
        self._most = most
        self._networks: dict[Size, Network] = {}
        self._recent: deque[Size | None] = deque(maxlen=WINDOW)
        self._compiling: Size | None = None
        self._failed: set[Size] = set()
        self._lock = threading.Lock()

    def network_for(self, size: Size | None) -> Network | None:
        """The network for `size`, or None while there is none. Counts the request.

        Args:
            size: (height, width) of the request's input; None for a request that must not get one of these networks,
                which counts among the last WINDOW requests all the same.
        """
        with self._lock:
            self._recent.append(size)
            if size is None:
                return None
            network = self._networks.get(size)
            if network is None and self._is_worth(size):
                self._compiling = size
                _background().submit(_add_if_alive, weakref.ref(self), size)
            return network

    def networks(self) -> list[Network]:
        """Those there are."""
        with self._lock:
            return list(self._networks.values())

    def prepare(self, size: Size) -> None:
        """Compile for `size` now, so that all its answers come from the same network."""
        with self._lock:
            if size in self._networks:
                return
            self._compiling = size
        self._add(size)

    def _is_worth(self, size: Size) -> bool:
        if self._compiling is not None or size in self._failed or self._recent.count(size) < self._hot:
            return False
        return len(self._networks) < self._most or self._unused() is not None

    def _unused(self) -> Size | None:
        return next((size for size in self._networks if size not in self._recent), None)

    def _add(self, size: Size) -> None:
        network = None
        try:
            network = self._compile_for(size)
        except Exception:  # the network for any size still answers
            log.exception("cannot compile a network for input size %s x %s", *size)
        with self._lock:
            self._compiling = None
            if network is None:
                self._failed.add(size)
                return
            if len(self._networks) >= self._most:
                self._networks.pop(self._unused() or next(iter(self._networks)))
            self._networks[size] = network
        self._added()


def _add_if_alive(sizes: "weakref.ref[HotSizes[Network]]", size: Size) -> None:
    """Compile unless the model was let go while it waited for its turn."""
    if (alive := sizes()) is not None:
        alive._add(size)


@cache
def _background() -> ThreadPoolExecutor:
    """One thread for all models: compiling two networks at once would take the processors from the requests."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="streetseg-compile")
