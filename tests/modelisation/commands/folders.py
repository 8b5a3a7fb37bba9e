"""A folder before and after: every file with its content, to show that nothing was lost."""

from pathlib import Path


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
