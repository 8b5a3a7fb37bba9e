"""Memory of one training step serves the next; afterwards the system has it back. In a process of its own."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json
import resource
import sys
from pathlib import Path

import numpy as np

from modelisation.training.kept_memory import kept_memory

BYTES = 256 << 20

def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(BYTES, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

use()
outside = use()
with kept_memory() as kept:
    if not kept:
        sys.exit(77)
    use()
    within, held = use(), rss()
print(json.dumps({"outside": outside, "within": within, "given back": held - rss(), "after": use()}))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, int]:
    """Page faults of a block of 256 MiB that was freed before, and bytes that were given back."""
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=False)
    if result.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert result.returncode == 0, result.stderr
    found: dict[str, int] = json.loads(result.stdout)
    return found


def test_what_was_freed_is_used_again_without_asking_the_system(seen: dict[str, int]) -> None:
    assert seen["within"] < 100 < seen["outside"]


def test_it_is_given_back_afterwards(seen: dict[str, int]) -> None:
    assert seen["given back"] > 200 << 20
    assert seen["after"] > 100
