"""A process may die at any moment of writing a checkpoint; the next one resumes from a whole one."""

import shutil
from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.training import checkpoint
from modelisation.training.checkpoint import FOLDER


class _Accelerator:
    """Saves and loads one number, in two files; may fail between them."""

    def __init__(self, state: int, *, full_disk: bool = False) -> None:
        self.state = state
        self.full_disk = full_disk

    def save_state(self, folder: str) -> None:
        Path(folder).mkdir()
        (Path(folder) / "first").write_text(str(self.state), encoding="utf-8")
        if self.full_disk:
            raise OSError(28, "No space left on device")
        (Path(folder) / "second").write_text(str(self.state), encoding="utf-8")

    def load_state(self, folder: str) -> None:
        first, second = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("first", "second"))
        assert first == second
        self.state = int(first)


def _save(run: Path, state: int, **options: bool) -> None:
    checkpoint.save(_Accelerator(state, **options), run)  # type: ignore[arg-type]


def _load(run: Path) -> int:
    accelerator = _Accelerator(0)
    checkpoint.load(accelerator, run)  # type: ignore[arg-type]
    return accelerator.state


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    with pytest.raises(UserError, match="No space"):
        _save(tmp_path, 2, full_disk=True)
    assert _load(tmp_path) == 1
    _save(tmp_path, 3)
    assert _load(tmp_path) == 3


def test_what_a_dead_process_left_of_the_old_one_does_not_stop_the_next(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    shutil.copytree(tmp_path / FOLDER, tmp_path / f"{FOLDER}.old")
    (tmp_path / f"{FOLDER}.old" / "first").unlink()  # it died while it deleted it
    assert _load(tmp_path) == 1
    _save(tmp_path, 2)
    assert _load(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


@pytest.mark.parametrize("renamed", [1, 2])
def test_a_process_that_dies_between_the_renames_leaves_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: int
) -> None:
    _save(tmp_path, 1)
    rename, count = Path.rename, []

    def dying(self: Path, target: Path) -> Path:
        count.append(target)
        if len(count) == renamed:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying)
        with pytest.raises(KeyboardInterrupt):
            _save(tmp_path, 2)
    assert _load(tmp_path) == 1
    _save(tmp_path, 3)
    assert _load(tmp_path) == 3
