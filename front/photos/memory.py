"""Memory that Python has freed, given back to the system at once: else the allocator keeps it for later."""

import ctypes
import gc


def give_back_freed() -> None:
    """Let the C library return free memory to the system, where it can (glibc)."""
    gc.collect()  # albums and answers that only a finished run still held
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
