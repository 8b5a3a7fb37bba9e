"""Where searches and ablations keep what they found, and what an ablation measured."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from back.runtime.errors import UserError
from modelisation.outputs.whole import replace_file
from modelisation.provenance import REPOSITORY

DATABASE = REPOSITORY / "store" / "search.db"
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


_ABLATIONS = TypeAdapter(dict[str, Ablation])


def read_ablations(results: Path) -> dict[str, Ablation]:
    """Every ablation of a results file by name; none where there is no such file, or an empty one.

    Raises:
        UserError: the file holds something else.
    """
    if not results.exists() or (results.is_file() and not results.stat().st_size):
        return {}
    try:
        return _ABLATIONS.validate_json(results.read_bytes())
    except ValidationError as error:
        raise UserError(f"{results} holds no results of ablations; choose another file") from error


def write_ablations(results: Path, ablations: dict[str, Ablation]) -> None:
    """Write a results file anew."""
    results.parent.mkdir(parents=True, exist_ok=True)
    fields = {name: ablation.model_dump(mode="json") for name, ablation in ablations.items()}
    replace_file(results, (json.dumps(fields, indent=1) + "\n").encode())
