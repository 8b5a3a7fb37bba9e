"""Checkpoints of a training run: written whole or not at all, read back exactly."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator, DistributedType

from back.runtime.errors import UserError
from modelisation.processes import ranks

FOLDER = "checkpoint"


@dataclass
class Progress:
    """Where a run stands: finished epochs, batches done in the current one, and what its averages need."""

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    train_seconds: float = 0.0
    wait_seconds: float = 0.0
    run_id: str | None = None
    total_seconds: float = 0.0

    def start_epoch(self) -> None:
        """Count one epoch as done and reset what belongs to it."""
        self.epoch += 1
        self.batch, self.loss_sum, self.train_seconds, self.wait_seconds = 0, 0.0, 0.0, 0.0

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def save(accelerator: Accelerator, run_dir: Path) -> None:
    """Save everything that accelerate knows of: network, optimiser, scheduler, RNG, registered objects.

    Every process calls this. Rank 0 writes, and under FSDP each process its part of the network and the optimiser.

    Raises:
        UserError: it cannot be written, for instance because the disk is full; the one before stays.
    """
    shared_out = ranks.number() > 1 and accelerator.distributed_type == DistributedType.FSDP
    partial = run_dir / f"{FOLDER}.partial"
    if ranks.is_main():
        shutil.rmtree(partial, ignore_errors=True)
    elif not shared_out:
        return
    if shared_out:
        accelerator.wait_for_everyone()
    try:
        accelerator.save_state(str(partial))
    # What cannot be written is a RuntimeError of PyTorch's, an error of safetensors', or an OSError.
    except Exception as error:
        shutil.rmtree(partial, ignore_errors=True)
        kept = "the one before is kept: make room, and go on with --resume" if exists(run_dir) else "make room first"
        raise UserError(
            f"{run_dir / FOLDER}: the checkpoint cannot be written ({_first_line(error)}); {kept}"
        ) from error
    if shared_out:
        accelerator.wait_for_everyone()
    if ranks.is_main():
        _replace(run_dir, partial)


def _replace(run_dir: Path, partial: Path) -> None:
    old = run_dir / f"{FOLDER}.old"
    if (run_dir / FOLDER).exists():
        shutil.rmtree(old, ignore_errors=True)  # left by a process that died while it deleted it
        (run_dir / FOLDER).rename(old)
    partial.rename(run_dir / FOLDER)
    shutil.rmtree(old, ignore_errors=True)


def exists(run_dir: Path) -> bool:
    return _folder(run_dir).is_dir()


def load(accelerator: Accelerator, run_dir: Path) -> None:
    """Restore what `save` wrote; falls back on the previous checkpoint if the process died between two renames.

    Raises:
        UserError: it is damaged, or of a version whose checkpoints hold other things, or not every process of the run
            finds it.
    """
    folder = _folder(run_dir)
    if not all(ranks.everyones(folder.is_dir())):
        raise UserError(
            f"{folder}: not every machine of this run finds it; keep the run folder on a disk that they share, or "
            "copy it to the same place on each"
        )
    try:
        accelerator.load_state(str(folder))
    # What is damaged or missing makes safetensors, pickle, PyTorch and accelerate fail in as many ways.
    except Exception as error:
        raise UserError(
            f"{folder}: cannot be gone on from ({_first_line(error)}): it is damaged, or of another version of this "
            "project; start anew in another --run-dir, or resume with the version that began it"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _folder(run_dir: Path) -> Path:
    current = run_dir / FOLDER
    return current if current.is_dir() else run_dir / f"{FOLDER}.old"
