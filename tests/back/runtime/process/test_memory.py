"""The heap's settings, in a process of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pathlib import Path
from threading import Thread

from back.runtime.process.memory import keep_heap_small

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "small" and not keep_heap_small():
    sys.exit(77)
import numpy as np

def work():
    # Blocks that grow raise glibc's own threshold; the small one on top keeps the heap from shrinking.
    for megabytes in (1, 3, 7, 15, 23, 31):
        block = np.ones(megabytes << 20, np.uint8)
        kept.append(np.ones(1000, np.uint8))
        del block

kept = []
before = rss()
threads = [Thread(target=work) for _ in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
print((rss() - before) >> 20)
"""


def kept_megabytes(mode: str) -> int:
    result = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, encoding="utf-8", check=False)
    if result.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_freed_pictures_go_back_to_the_system() -> None:
    # Some may stay in pieces.
    assert kept_megabytes("small") < 45 < kept_megabytes("as the C library comes")
