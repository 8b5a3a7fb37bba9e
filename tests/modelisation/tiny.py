"""A recipe so small that a whole run takes seconds, and rendered scenes for it."""

import json
from pathlib import Path
from typing import Any

from modelisation.scenes.writer import write_scenes

# float32: bf16 leaves AMX registers in use in the main thread, and in a test process with its many libraries the next
# signal then finds no room on the signal stack and ends it.
TINY: dict[str, Any] = {
    "name": "tiny",
    "description": "for tests",
    "limits": "none known",
    "architecture": "convolutions",
    "build": {"width": 16},
    "epochs": 2, "batch_size": 2, "lr": 2e-3, "warmup_steps": 2, "ema_decay": 0.5, "workers": 0, "precision": "no",
    "augmentation": {"crop": [64, 64], "scale": [0.8, 1.2]}, "pixel_budget": 64 * 128,
    "loss": {"cross_entropy": 1.0, "dice": 0.3, "lovasz": 0.3},
}  # fmt: skip
# In place of the three convolutions, which a process that a test starts does not know.
SEGFORMER: dict[str, Any] = {
    "architecture": "segformer",
    "build": {
        "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "decoder_hidden_size": 16,
        "num_attention_heads": [1, 1, 2, 4],
    },
}  # fmt: skip


def write_recipe(folder: Path, **changes: Any) -> Path:
    """The tiny recipe as a file, which JSON is good enough for."""
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(TINY | changes), encoding="utf-8")
    return path


def write_data(root: Path, train: int = 6) -> Path:
    """Six training and two validation scenes of 64x128 pixels, in the Cityscapes layout."""
    write_scenes(root, {"train": train, "val": 2}, 64, 128, 5, None)
    return root
