"""Imports of large libraries: what they need not bring along, and how they go quicker."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# mlflow and numba import them where they find them: 80 MB and half a second for tables, matrices and figures that
# nothing here makes. Both do without where they are missing.
_UNUSED = ("pandas", "pyarrow", "scipy", "matplotlib")


def leave_out_unused() -> None:
    """Let imports from now on find none of them. For a process of the service's own."""
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let imports inside find none of these modules, and later ones find them again.

    Args:
        names: top-level modules; one that was imported before stays.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without the garbage collector, which would look again and again at objects that all stay.

    Worth: 1.5 s in place of 1.9 of processor time for what the API and its MLflow client import (2-core machine, four
    interleaved rounds each).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
