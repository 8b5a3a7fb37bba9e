"""Loops compiled by numba: the first time on a machine by other processes, so that this one only loads them.

Worth, for the first start of the API with three models (2-core AMD EPYC, two starts each): ready after 11.0 to 11.9 s
in place of 13.2 to 13.4, and 437 MB in place of 510, for the compiler gives nothing back.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

# What the API loads, in two shares that take about as long to compile: `confidence` brings `upsample_numba`.
SHARES = (
    ("back.runtime.confidence", "back.runtime.upsample_numba", "back.runtime.resize_numba"),
    (
        "back.runtime.png_decoder",
        "back.runtime.masks.deflate",
        "back.runtime.masks.colour",
        "back.runtime.class_counts",
        "back.runtime.video.blend",
    ),
)
_LONGEST_S = 120.0


def missing(module: str) -> bool:
    """Whether numba keeps nothing of this module that is newer than its source: in NUMBA_CACHE_DIR, else beside it.

    Args:
        module: dotted name; neither it nor numba is imported.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return False
    source = Path(spec.origin)
    cache = Path(os.environ.get("NUMBA_CACHE_DIR") or source.parent / "__pycache__")
    indexes = [*cache.glob(f"{source.stem}.*.nbi"), *cache.glob(f"*/{source.stem}.*.nbi")]
    return not any(index.stat().st_mtime >= source.stat().st_mtime for index in indexes)


def compile_missing(say: Callable[[str], object]) -> None:
    """Compile what the cache lacks, side by side, and wait until that is done.

    Where a process fails, nothing is lost: the loops are compiled where they are needed.

    Args:
        say: is told, in a sentence, where something is compiled.
    """
    shares = [names for share in SHARES if (names := [name for name in share if missing(name)])]
    if shares:
        say("Compiling loops for this machine, which takes some seconds, the first time alone")
    running: list[subprocess.Popen[bytes]] = []
    try:
        for names in shares:
            running.append(_import_elsewhere(names))
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LONGEST_S)
    finally:  # also where a signal ends this process
        for process in running:
            process.kill()
            process.wait()


# Linux kills it with the thread that started it (PR_SET_PDEATHSIG is 1), which waits for it until it is done. It has
# another parent already where that one ended before this was asked for.
_END_WITH_STARTER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
"""


def _import_elsewhere(modules: list[str]) -> subprocess.Popen[bytes]:
    code = f"{_END_WITH_STARTER}from back.runtime.process.modules import leave_out_unused as leave; leave()\n"
    code += f"import {', '.join(modules)}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
