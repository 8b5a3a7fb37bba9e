"""Checkpoints of a training run: written whole or not at all, read back exactly."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

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
    """Save everything that accelerate knows of: network, optimiser, scheduler, RNG, registered objects."""
    partial = run_dir / f"{FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    accelerator.save_state(str(partial))
    old = run_dir / f"{FOLDER}.old"
    if (run_dir / FOLDER).exists():
        shutil.rmtree(old, ignore_errors=True)  # left by a process that died while it deleted it
        (run_dir / FOLDER).rename(old)
    partial.rename(run_dir / FOLDER)
    shutil.rmtree(old, ignore_errors=True)


def exists(run_dir: Path) -> bool:
    return _folder(run_dir).is_dir()


def load(accelerator: Accelerator, run_dir: Path) -> None:
    """Restore what `save` wrote; falls back on the previous checkpoint if the process died between two renames."""
    accelerator.load_state(str(_folder(run_dir)))


def _folder(run_dir: Path) -> Path:
    current = run_dir / FOLDER
    return current if current.is_dir() else run_dir / f"{FOLDER}.old"
