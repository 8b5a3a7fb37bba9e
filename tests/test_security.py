"""SECURITY.md: each promise names a test that there is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| (?!promise \||---)(.+?) \| (.+?) \|$", SECURITY, re.MULTILINE)


def functions_of(file: str) -> set[str]:
    """Names of the test functions at the top of a file, where pytest looks for them."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_tests_that_there_are() -> None:
    rows = [line for line in SECURITY.splitlines() if line.startswith("| ") and not line.startswith("| promise |")]
    assert len(PROMISES) == len(rows) > 40
    for promise, tests in PROMISES:
        named = re.findall(r"`(tests/[\w/]*test_\w+\.py)::(test_\w+)`", tests)
        assert len(named) == tests.count("`") // 2 > 0, promise
        for file, test in named:
            assert (ROOT / file).is_file(), f"{promise}: there is no {file}"
            assert test in functions_of(file), f"{promise}: {file} has no {test}"


def test_every_file_of_attacks_stands_behind_a_promise() -> None:
    attacks = {f"tests/hostile/{path.name}" for path in (ROOT / "tests" / "hostile").glob("test_*.py")}
    named = set(re.findall(r"`(tests/hostile/test_\w+\.py)::", SECURITY))
    assert named <= attacks
    assert attacks - named == {"tests/hostile/test_figures.py"}
