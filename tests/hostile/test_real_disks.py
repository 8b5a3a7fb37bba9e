"""A small disk that is really full, then really read-only: a sentence each, and what was there goes on serving."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api import Store

# A mount namespace of one's own, in which an ordinary user is root: not every kernel and container grants it.
OWN_DISKS = ["unshare", "--user", "--map-root-user", "--mount"]
TRY = [*OWN_DISKS, "mount", "-t", "tmpfs", "tmpfs"]


def test_a_full_and_a_read_only_disk_are_named_and_what_was_there_serves(store: Store, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        granted = subprocess.run([*TRY, str(disk)], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no `unshare` here to mount a disk with; the simulated faults stand for it")
    if granted.returncode:
        pytest.skip(f"no disk may be mounted here ({granted.stderr.strip()}); the simulated faults stand for it")
    store.add()
    answer = subprocess.run(
        [*OWN_DISKS, sys.executable, "-m", "tests.hostile.disks", store.uri, str(disk)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["full"]["served"] == []
    (sentence,) = told["full"]["errors"].values()
    assert "cannot be written to (no space left on device); make room there, or set STREETSEG_CACHE_DIR" in sentence
    status, sentence = told["clip on a full disk"]
    assert status == 503
    assert "cannot be written to (database or disk is full); make room there, or set STREETSEG_JOBS_DIR" in sentence
    assert told["room again"] == {"served": ["segformer"], "errors": {}}
    assert told["read-only, warm"] == {"served": ["segformer"], "errors": {}}
    status, sentence = told["clip on a read-only disk"]
    assert status == 503
    assert "cannot be written to (read-only file system)" in sentence
    assert told["read-only, cold"]["served"] == []
    (sentence,) = told["read-only, cold"]["errors"].values()
    assert "cannot be written to (read-only file system)" in sentence
    assert list(disk.iterdir()) == []  # the disk was nobody else's
