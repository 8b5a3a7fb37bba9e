"""How many connections are held at once, which give way when there are too many, and which waited for too long."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from back.guards.protocol import GuardedProtocol

# Beyond the limit, connections on which only /healthz and its like are answered: so that whoever watches the service
# gets an answer when strangers hold all the others.
RESERVE = 32
UPLOADS = 2  # the rank of a connection over which a body arrives, or an answer leaves: the last to give way
_LONG_SECONDS = 0.25
_SWEEP_SECONDS = 1.0


class Connections:
    """The open connections of one server.

    At the limit, whoever comes takes the place of a connection that keeps the server waiting: one between two
    requests or with half a head, an old one first, else an upload, the one that stands still for longest. Where all
    are worked on, there is the reserve, and nothing beyond it.
    """

    def __init__(self, limit: int, slow_seconds: float, max_unsent_bytes: int) -> None:
        self.limit = limit
        self.slow_seconds = slow_seconds
        self.ending_since: float | None = None  # the loop's time from which on each connection ends with its answer
        self.ended: Counter[str] = Counter()  # reason -> connections that were ended for it
        self._max_unsent_bytes = max_unsent_bytes
        self._open: dict[GuardedProtocol, None] = {}  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: "GuardedProtocol") -> bool:
        """Take a new connection in; False where there is no room at all."""
        if len(self._open) >= self.limit:
            other = self._most_dispensable(connection.loop.time())
            if other is not None:
                connection.is_reserve = other.is_reserve
                other.end("displaced")
                self.leave(other)
            elif len(self._open) >= self.limit + RESERVE:
                self.ended["no room"] += 1
                return False
            else:
                connection.is_reserve = True
        self._open[connection] = None
        if self._timer is None:
            self._timer = connection.loop.call_later(self._pace, self._sweep, connection.loop)
        return True

    def _most_dispensable(self, now: float) -> "GuardedProtocol | None":
        """Who gives way; without a look at all of them where a flood of idle connections comes."""
        found, found_waits = None, (0, 0.0)
        for other in self._open:
            waits = other.keeps_waiting
            if waits is None:
                continue
            if waits[0] < UPLOADS and now - waits[1] > _LONG_SECONDS:
                return other
            if found is None or waits < found_waits:
                found, found_waits = other, waits
        return found

    def leave(self, connection: "GuardedProtocol") -> None:
        self._open.pop(connection, None)

    @property
    def _pace(self) -> float:
        return min(_SWEEP_SECONDS, self.slow_seconds / 4)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what has waited too long; runs as long as there are connections."""
        now = loop.time()
        for connection in list(self._open):
            connection.end_if_overdue(now)
        self._drop_unread(self._open)
        self._timer = loop.call_later(self._pace, self._sweep, loop) if self._open else None

    def _drop_unread(self, connections: Iterable["GuardedProtocol"]) -> None:
        """End those that have left answers unread for longest, where all such answers together are too large."""
        unread = [(connection.unread_since, connection) for connection in connections if connection.unread_bytes]
        total = sum(connection.unread_bytes for _, connection in unread)
        for _, connection in sorted(unread, key=lambda entry: entry[0]):
            if total <= self._max_unsent_bytes:
                break
            total -= connection.unread_bytes
            connection.end("unread answer")
