"""Compiled loops are there before the API needs them, and the list of them is whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from back.runtime.process import compiled_loops
from back.runtime.process.compiled_loops import SHARES, compile_missing, missing

ROOT = Path(__file__).resolve().parents[4]
COLOUR = "back.runtime.masks.colour"


def test_every_module_of_the_service_with_compiled_loops_is_named() -> None:
    files = [file for file in (ROOT / "back").rglob("*.py") if "from numba import" in file.read_text("utf-8")]
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    # Compiled when it is first called, since the API answers without it.
    assert modules - {"back.runtime.scores.regions"} == {module for share in SHARES for module in share}


def test_a_cache_lacks_what_is_not_there_or_older_than_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert missing(COLOUR)
    (tmp_path / "masks_0123").mkdir()
    index = tmp_path / "masks_0123" / "colour._blend-80.py311.nbi"
    index.touch()
    assert not missing(COLOUR)
    os.utime(index, (0, 0))
    assert missing(COLOUR)
    assert not missing("no_such_module")


def test_what_was_missing_is_compiled_by_another_process_and_only_loaded_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_loops, "SHARES", ((COLOUR,),))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)
    said: list[str] = []
    compile_missing(said.append)
    assert "the first time alone" in said[0]
    compile_missing(said.append)
    assert len(said) == 1
    code = f"import {COLOUR} as colour; print(sum(colour._blend.stats.cache_hits.values()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.split() == ["1"]


def test_a_process_that_fails_is_left_at_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_loops, "SHARES", (("back.runtime.no_such_module", COLOUR),))
    monkeypatch.setattr(compiled_loops, "missing", lambda name: True)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compile_missing(print)  # the process ends with an error, and that is all
