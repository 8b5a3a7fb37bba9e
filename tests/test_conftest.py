"""What the tests share: nothing runs beside a test that measures time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = """
import time
from pathlib import Path
import pytest

def span(name):
    begin = time.monotonic()
    time.sleep(0.05)
    Path(__file__).with_name(name).write_text(f"{begin} {time.monotonic()}")

@pytest.mark.parametrize("i", range(10))
def test_any(i):
    span(f"any{i}")

@pytest.mark.alone
@pytest.mark.parametrize("i", range(4))
def test_alone(i):
    span(f"alone{i}")
"""


def test_no_worker_runs_a_test_beside_one_that_is_alone(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_spans.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-n2", "--dist=worksteal"]
    bare = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    result = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stdout
    spans = {p.name: tuple(map(float, p.read_text(encoding="utf-8").split())) for p in tmp_path.glob("a*[0-9]")}
    alone = [spans[f"alone{i}"] for i in range(4)]
    others = [spans[f"any{i}"] for i in range(10)]
    assert all(end <= other or begin >= done for begin, end in alone for other, done in others)
    assert any(a < d and c < b for (a, b) in others for (c, d) in others if a != c), "nothing ran side by side"
