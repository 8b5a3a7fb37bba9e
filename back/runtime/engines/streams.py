"""Two streams under load: a network each of whose halves of the threads runs a request of its own.

Alone a request gets all threads. Two that run at once each on all threads wait for each other at every layer, and for
whoever decodes a photo meanwhile; each on its half of the threads they do not. So under load requests go to a network
compiled with two streams, which gives more photos a second; one that comes alone still gets the quickest answer.

Worth (2-core Intel Xeon, medians of interleaved rounds): with 16 clients DeepLabV3+ gives 18 % fewer photos a second
without them, and each takes 16 % more processor time (2048x1024 JPEG at the card's pixel budget, 8 rounds of 1.5 s).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from back.runtime.engines.hot_sizes import NEARLY_ALL, HotSizes, Size
from back.runtime.engines.openvino_network import Network

STREAMS = 2


class Streams:
    """The network with streams, compiled when nearly all requests have one size and come while another runs.

    Args:
        compile_for: compiles the network for one (height, width) with so many streams.
        added: called when that is done, in a background thread.
    """

    def __init__(self, compile_for: Callable[[Size, int], Network], added: Callable[[], None]) -> None:
        self._hot_size = HotSizes(lambda size: compile_for(size, STREAMS), added, hot=NEARLY_ALL, most=1)
        self._running = 0
        self._counting = Lock()

    @contextmanager
    def others_running(self) -> Iterator[int]:
        """How many other requests are here; this one counts as running until the end."""
        with self._counting:
            others = self._running
            self._running += 1
        try:
            yield others
        finally:
            with self._counting:
                self._running -= 1

    def network_for(self, size: Size, others: int) -> Network | None:
        """The network for a request that comes while others run; None where it comes alone, or there is none."""
        return self._hot_size.network_for(size if others else None)
