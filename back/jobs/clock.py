"""The time by which results of jobs are kept: one that goes on evenly when the machine's clock is set."""

import logging
import time

_JUMP_S = 60.0
log = logging.getLogger("streetseg")


class EvenClock:
    """The machine's time when this was made, and the seconds since: a clock that is set later changes neither.

    Time in which the machine slept counts where the system tells of it (Linux).
    """

    def __init__(self) -> None:
        self._told = self._ahead = time.time() - _running_s()

    def now(self) -> float:
        """Seconds since 1970."""
        ahead = time.time() - _running_s()
        if abs(ahead - self._told) > _JUMP_S:
            log.warning(
                "the machine's clock was set by %+.0f s; results of jobs are kept as long as before",
                ahead - self._told,
            )
            self._told = ahead
        return _running_s() + self._ahead


def _running_s() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
