"""What a run leaves in its folder: the names of its files, and the weights as an epoch left them.

Apart from `from_run.py`, which makes a bundle of it and needs much more for that than training does.
"""

from pathlib import Path

from back.runtime.card import CARD_FILE, WEIGHTS_FILE, InputContract, TrainingRecord
from modelisation.models import save_weights
from modelisation.models.base import SegmentationModel

RECIPE_COPY = "recipe.yaml"
RECORD_FILE = "record.json"
CONTRACT_FILE = "input.json"
BUNDLE = "bundle"


def bundle_of(folder: Path) -> Path:
    """The bundle that a folder is, or that the run in it has exported; neither need be there."""
    return folder if (folder / CARD_FILE).is_file() or not (folder / BUNDLE).is_dir() else folder / BUNDLE


def save_run(model: SegmentationModel, contract: InputContract, record: TrainingRecord, run_dir: Path) -> None:
    """Keep the weights as they stand and where they come from: all that `export_run` needs."""
    partial = run_dir / f"{WEIGHTS_FILE}.partial"
    save_weights(model, record.recipe["build"], partial)
    partial.replace(run_dir / WEIGHTS_FILE)
    (run_dir / RECORD_FILE).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    (run_dir / CONTRACT_FILE).write_text(contract.model_dump_json(indent=1), encoding="utf-8")
