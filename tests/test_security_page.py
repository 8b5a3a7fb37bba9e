"""SECURITY.md: every promise names a test, and the tests that it names exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!promise|-)(.+) \| (.+) \|$", PAGE, re.MULTILINE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_promise_names_a_test_that_exists() -> None:
    assert len(ROWS) > 30
    for promise, proof in ROWS:
        named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", proof)
        assert named, promise
        assert named[2] in names_in(ROOT / named[1]), promise


def test_no_test_stands_for_two_promises() -> None:
    proofs = [proof for _, proof in ROWS]
    assert len(proofs) == len(set(proofs))
