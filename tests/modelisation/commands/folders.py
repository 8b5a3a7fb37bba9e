"""A folder before and after: every file with its content, to show that nothing was lost."""

from pathlib import Path


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def labels_in(folder: Path) -> list[str]:
    """Names of the files that `predict` wrote of photos and clips, in order, without what it remembers them by."""
    own = {"run.json", "run.sqlite", "results.parquet", "errors.parquet"}
    names = {path.name for path in folder.iterdir()}
    assert own <= names
    return sorted(names - own)
