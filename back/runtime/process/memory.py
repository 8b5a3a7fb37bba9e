"""What this process keeps in memory for nothing: the C heap's holes, and library pages that nobody reads again.

Worth, as peak memory of a process that serves both bundled models, after 60 mixed requests at a network input of
1024x512 (photos of 480x360 to 4000x3000, three at a time; 2-core Intel Xeon):

- one arena: 780 MB in place of 912 (one run);
- the mmap threshold of 8 MB: 771 MB in place of 889 and 913 with glibc's growing one (two runs each). At glibc's
  first one, 128 kB, the peak is 762 MB, but page faults go from 415,000 to 770,000: 5 % of all processor time (two
  runs);
- both together: 780 MB in place of 1309 as the C library comes (one run);
- the compiler's pages: 784 and 775 MB in place of 843 and 844 (two runs each).
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path

# Names and numbers of glibc's malloc.h; mallopt(3).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_ARENAS = 1
# Buffers of everyday photos come from the heap, whose pages stay: by mmap each would cost thousands of page faults.
_MMAP_FROM_BYTES = 8 << 20

# Of asm-generic/mman-common.h; madvise(2). Since Linux 5.4; an older kernel refuses, and the pages stay.
_MADV_DONTNEED, _MADV_PAGEOUT = 4, 21
# Numba's compiler: 70 MB, of which nothing is used once the kernels are loaded. It is read again if one ever is.
COMPILER = "libllvmlite.so"


def keep_heap_small() -> bool:
    """Give freed memory back to the system; to be called before the process starts threads.

    By default glibc makes up to eight arenas a processor, each of which keeps what it once held, and serves ever
    larger blocks from them instead of by mmap. With two networks and photos of many sizes that held 100 to 250 MB
    which nobody used.

    Returns:
        Whether the C library took it; false where it is not glibc.
    """
    return set_malloc({_M_ARENA_MAX: _ARENAS, _M_MMAP_THRESHOLD: _MMAP_FROM_BYTES})


def set_malloc(options: Mapping[int, int]) -> bool:
    """Set options of the C library's malloc by their numbers; whether it took all, which only glibc does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return [mallopt(name, value) for name, value in options.items()] == [1] * len(options)


def give_back_library(name: str = COMPILER, maps: Path = Path("/proc/self/maps")) -> int:
    """Take a library's unchanged pages out of this process's memory; whoever needs one reads it from the file again.

    Only what the file still holds can go: the kernel keeps changed pages. Code is never changed, so it is let go even
    where other processes use it too; what else they use stays.

    Args:
        name: the library's file name.
        maps: what this process has mapped, in the form of proc(5).

    Returns:
        How many of its parts the kernel took; 0 where the library is not loaded or the system cannot do it.
    """
    try:
        mapped = maps.read_text(encoding="utf-8", errors="replace").splitlines()
        madvise = ctypes.CDLL(None).madvise
    except (AttributeError, OSError):  # not Linux
        return 0
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    taken = 0
    for line in mapped:
        # "7f00-7f80 r-xp 00000000 08:01 12 /path/with spaces/lib.so"
        place, allowed, _, _, _, *path = line.split(maxsplit=5)
        if path and Path(path[0]).name == name:
            start, end = (int(address, 16) for address in place.split("-"))
            taken += madvise(start, end - start, _MADV_PAGEOUT) == 0
            if allowed == "r-xp":
                madvise(start, end - start, _MADV_DONTNEED)
    return taken
