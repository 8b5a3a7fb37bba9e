"""A library's pages leave this process's memory, and come back when they are needed."""

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from back.runtime.process.memory import COMPILER, give_back_library

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="madvise and /proc are Linux's")

PROGRAM = """
from numba import njit

from back.runtime.process.memory import give_back_library

@njit
def double(x):
    return x * 2

assert double(4) == 8
taken = give_back_library()

@njit
def triple(x):
    return x * 3

assert (double(5), triple(5)) == (10, 15)
print(taken)
"""


def resident_kb(path: Path) -> int:
    """What this process holds of a mapped file."""
    found, total = False, 0
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            found = line.endswith(f" {path}")
        elif found and first == "Rss:":
            total += int(rest[0])
    return total


def test_unchanged_pages_leave_memory_and_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "libx.so"
    path.parent.mkdir()
    content = os.urandom(1 << 20) * 8
    with path.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())  # a page that the disk does not have yet cannot go
    kind = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, encoding="utf-8", check=True)
    if kind.stdout.strip() == "tmpfs":
        pytest.skip("the temporary folder is in memory, so its files have nowhere else to be")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == content
        assert resident_kb(path) > 8000
        assert give_back_library("libx.so") == 1
        assert resident_kb(path) < 1000
        assert mapped[:] == content


def test_the_compiler_works_after_its_pages_went() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 2


def test_a_library_that_is_not_loaded_is_left_alone(tmp_path: Path) -> None:
    assert give_back_library("libnothing.so") == 0
    assert give_back_library(COMPILER, tmp_path / "no-proc-here") == 0


def test_lines_without_a_file_and_paths_with_spaces_are_read(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    # Address 0 is nobody's: the kernel refuses, and nothing is counted.
    maps.write_text("0-1000 rw-p 00000000 00:00 0\n0-1000 r-xp 00000000 08:01 12 /a folder/libx.so\n")
    assert give_back_library("libx.so", maps) == 0
