"""Pages of libraries that a process reads once and keeps in memory for nothing."""

import ctypes
from pathlib import Path

# Of asm-generic/mman-common.h; madvise(2). Since Linux 5.4; an older kernel refuses, and the pages stay.
_MADV_PAGEOUT = 21
# Numba's compiler: 70 MB, of which nothing is used once the kernels are loaded. It is read again if one ever is.
COMPILER = "libllvmlite.so"


def give_back_library(name: str = COMPILER, maps: Path = Path("/proc/self/maps")) -> int:
    """Take a library's unchanged pages out of this process's memory; whoever needs one reads it from the file again.

    Only what the file still holds can go: the kernel keeps changed pages, and those that other processes use too.

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
        place, _, _, _, _, *path = line.split(maxsplit=5)
        if path and Path(path[0]).name == name:
            start, end = (int(address, 16) for address in place.split("-"))
            taken += madvise(start, end - start, _MADV_PAGEOUT) == 0
    return taken
