"""A file is written whole or not at all, whatever its name, and where it cannot be a sentence says so."""

from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.outputs import whole
from modelisation.outputs.whole import replace_file


class FullDisk(type(Path())):  # type: ignore[misc]
    """Paths on a disk that has room for three bytes more."""

    def write_bytes(self, data: bytes) -> int:
        super().write_bytes(data[:3])
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["a.png", "x" * 251 + ".png", "\udce9.png"])
def test_any_name_that_a_file_may_have_can_be_written(tmp_path: Path, name: str) -> None:
    replace_file(tmp_path / name, b"one")
    replace_file(tmp_path / name, b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"two")]


def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"before")
    monkeypatch.setattr(whole, "Path", FullDisk)
    with pytest.raises(
        UserError, match=r"a\.png cannot be written \(no space left on device\) and is as it was; mend"
    ):
        replace_file(tmp_path / "a.png", b"after")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"before")]
