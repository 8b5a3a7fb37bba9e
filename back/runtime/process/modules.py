"""Modules that this process can do without, though they are installed."""

import sys

# mlflow and numba import them where they find them: 80 MB and half a second for tables, matrices and figures that
# nothing here makes. Both do without where they are missing.
_UNUSED = ("pandas", "pyarrow", "scipy", "matplotlib")


def leave_out_unused() -> None:
    """Let imports from now on find none of them. For a process of the service's own."""
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
