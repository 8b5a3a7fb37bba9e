"""Lineage of a number: git, packages, machine."""

import subprocess
from pathlib import Path

from modelisation.provenance import git_state, machine, package_versions


def test_clean_and_dirty_trees_are_told_apart(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "-m", "first")
    clean = git_state(tmp_path)
    assert len(clean["git_commit"]) == 40
    assert clean["git_dirty"] is False
    (tmp_path / "README.md").write_text("a page", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "report.json").write_text("{}", encoding="utf-8")
    assert git_state(tmp_path) == clean
    (tmp_path / "file").write_text("two", encoding="utf-8")
    assert git_state(tmp_path) == {"git_commit": clean["git_commit"], "git_dirty": True}


def test_folder_without_git_is_unknown_and_dirty(tmp_path: Path) -> None:
    assert git_state(tmp_path) == {"git_commit": "unknown", "git_dirty": True}


def test_missing_packages_are_left_out() -> None:
    versions = package_versions(("numpy", "no-such-package-anywhere"))
    assert list(versions) == ["numpy"]


def test_machine_is_told() -> None:
    assert machine()["cores"] >= 1
