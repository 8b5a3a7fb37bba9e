"""How this process's C heap keeps memory: little, because pictures come and go in megabytes."""

import contextlib
import ctypes

# Names and numbers of glibc's malloc.h; mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 1
# Buffers of everyday photos come from the heap, whose pages stay: by mmap each would cost thousands of page faults.
_MMAP_FROM_BYTES = 8 << 20
_TRIM_FROM_BYTES = 32 << 20


def keep_heap_small() -> bool:
    """Give freed memory back to the system; to be called before the process starts threads.

    By default glibc makes up to eight arenas a processor, each of which keeps what it once held, and serves ever
    larger blocks from them instead of by mmap. With two networks and photos of many sizes that held 100 to 250 MB
    which nobody used.

    Returns:
        Whether the C library took it; false where it is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    wanted = ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _MMAP_FROM_BYTES), (_M_TRIM_THRESHOLD, _TRIM_FROM_BYTES))
    taken = [mallopt(name, value) for name, value in wanted]
    return taken == [1] * len(wanted)


def give_back_freed() -> None:
    """Return to the system what was freed inside the heap: compiling a network leaves holes of many megabytes."""
    with contextlib.suppress(AttributeError, OSError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
