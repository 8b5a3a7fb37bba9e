"""A checkpoint that cannot be read or written is a sentence, and the one before stays."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from back.runtime.errors import UserError
from modelisation.training import checkpoint
from modelisation.training.checkpoint import FOLDER, Progress


@pytest.fixture
def accelerator() -> Accelerator:
    accelerator = Accelerator(cpu=True)
    accelerator.prepare(torch.nn.Linear(2, 2))
    accelerator.register_for_checkpointing(Progress())
    return accelerator


@pytest.mark.parametrize("what", ["nothing in it", "junk", "cut off", "of another network", "of other parts"])
def test_a_checkpoint_that_cannot_be_gone_on_from_says_what_to_do(
    accelerator: Accelerator, tmp_path: Path, what: str
) -> None:
    checkpoint.save(accelerator, tmp_path)
    for path in (tmp_path / FOLDER).iterdir():
        if what == "nothing in it" or (what == "of other parts" and path.name.startswith("custom")):
            path.unlink()
        elif what in ("junk", "cut off"):
            path.write_bytes(b"junk" * 9 if what == "junk" else path.read_bytes()[:-9])
    if what == "of another network":
        accelerator = Accelerator(cpu=True)
        accelerator.prepare(torch.nn.Linear(3, 2))
    with pytest.raises(
        UserError, match=r"checkpoint: cannot be gone on from \(.+\): .* start anew in another --run-dir"
    ):
        checkpoint.load(accelerator, tmp_path)


def test_a_full_disk_costs_no_checkpoint_that_is_there(accelerator: Accelerator, tmp_path: Path) -> None:
    def save_state(folder: str) -> None:
        Path(folder).mkdir()
        (Path(folder) / "half").touch()
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos\nmore lines")

    full: Any = SimpleNamespace(save_state=save_state)
    with pytest.raises(UserError, match=r"cannot be written \(.enforce fail .*\); make room first"):
        checkpoint.save(full, tmp_path)
    checkpoint.save(accelerator, tmp_path)
    with pytest.raises(
        UserError, match=r"unexpected pos\); the one before is kept: make room, and go on with --resume"
    ):
        checkpoint.save(full, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
    checkpoint.load(accelerator, tmp_path)
