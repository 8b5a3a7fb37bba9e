"""Compiled loops are there before the API needs them, and the list of them is whole."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from back.runtime.process import compiled_loops
from back.runtime.process.compiled_loops import SHARES, compile_missing, missing
from tests.api import has_ended, wait_until

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


# A process that starts two others, which import a module that never ends.
ENDLESS = """
import signal, sys
from back.runtime.process import compiled_loops
compiled_loops.SHARES = (("endless",), ("endless",))
compiled_loops.missing = lambda module: True
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
compiled_loops.compile_missing(lambda sentence: None)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_process_that_started_them_however_it_ends(tmp_path: Path, sent: signal.Signals) -> None:
    (tmp_path / "endless.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path)!r}, f'{{os.getpid()}}.begun').touch()\n"
        "while True: time.sleep(60)\n",
        "utf-8",
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: len(list(tmp_path.glob("*.begun"))) == 2, "both to begin", 60)
        started = [psutil.Process(int(file.stem)) for file in tmp_path.glob("*.begun")]
        starter.send_signal(sent)
        starter.wait(60)
        wait_until(lambda: all(map(has_ended, started)), "both to end", 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
