"""What an ablation measured, and the JSON file that keeps it."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from modelisation.provenance import REPOSITORY

RESULTS = REPOSITORY / "docs" / "ablations.json"
BASELINE = "the recipe"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(_Part):
    """One run of one variant; scores 0..1, None where a class has no pixel."""

    variant: str
    seed: int
    miou: float
    class_iou: dict[str, float | None]
    steps: int
    minutes: float
    git_commit: str
    recipe_sha256: str  # but for the seed
    split_sha256: str  # of the pictures that it was measured on


class Ablation(_Part):
    """The runs of one ablation file, all scored on one split."""

    dataset: str
    split: str
    results: list[Result]


def read_ablations(results: Path) -> dict[str, Ablation]:
    """Every ablation of a results file by name; none where there is no such file."""
    if not results.is_file():
        return {}
    stored = json.loads(results.read_text(encoding="utf-8"))
    return {name: Ablation.model_validate(fields) for name, fields in stored.items()}


def write_ablations(results: Path, ablations: dict[str, Ablation]) -> None:
    """Write a results file anew."""
    results.parent.mkdir(parents=True, exist_ok=True)
    fields = {name: ablation.model_dump(mode="json") for name, ablation in ablations.items()}
    results.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
