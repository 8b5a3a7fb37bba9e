"""Memory that Python has freed, given back to the system: else the C library's allocator (glibc) keeps it for later.

Worth: after thirty photos of 12 megapixels were added, shown and removed, a dashboard that began with 176 MB had
259 MB, and 288 MB after thirty more. With one heap, and buffers of a megabyte and more outside of it, it has 207 MB.
"""

import ctypes
import gc
from functools import cache

# Names and numbers of glibc's malloc.h; mallopt(3).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_ARENAS = 1
_MMAP_FROM_BYTES = 1 << 20


@cache
def keep_heap_small() -> bool:
    """Let all threads share one heap, and large buffers go back to the system when they are freed.

    Each run of a page is a thread of its own; by default each gets a heap, which keeps the holes that photos leave.

    Returns:
        Whether the C library took it; false where it is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(_M_ARENA_MAX, _ARENAS), mallopt(_M_MMAP_THRESHOLD, _MMAP_FROM_BYTES)]
    return taken == [1, 1]


def give_back_freed() -> None:
    """Let the C library return free memory to the system, where it can (glibc)."""
    gc.collect()  # albums and answers that only a finished run still held
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
