"""The data of a run as MLflow's dataset inputs: which pictures, how many, under which licence. Needs no torch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from back.runtime.card import Card

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

    from modelisation.data.base import SegmentationDataset

Use = Literal["training", "evaluation"]
# The tags of a run that carry into a bundle's history.json what its card does not say.
PICTURES_TAG = "pictures"
# Runs of before that tag: splits of public data sets by their hash.
_KNOWN_SIZES = {"07e685a27911965c9ed3e81e4b8f016112f5d12b10466b3f5d40a362cd2cf253": 367}  # CamVid's train
_DIGEST_CHARACTERS = 32  # of a split's hash; MLflow takes 36 at most
SCENES = "rendered scenes"
SCENES_LICENCE = "rendered by this project, MIT"


@dataclass(frozen=True)
class Pictures:
    """Pictures that a run used.

    Attributes:
        dataset, split: the data set's id and which part of it; a set without parts has an empty split.
        sha256: of the sorted file list, or of what else stands for the pictures.
        number: None where nobody wrote it down.
        made_by: where the program that reads or draws them stands: a module, and the commit.
    """

    dataset: str
    split: str
    sha256: str
    number: int | None
    licence: str | None
    use: Use
    made_by: Mapping[str, str]


def dataset_input(pictures: Pictures) -> "DatasetInput":
    """The pictures as MLflow keeps them; the profile and the tags hold what its own fields have no place for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    facts = {
        "pictures": pictures.number,
        "split": pictures.split or None,
        "split_sha256": pictures.sha256,
        "licence": pictures.licence,
    }
    known = {key: value for key, value in facts.items() if value is not None}
    dataset = Dataset(
        name=f"{pictures.dataset} {pictures.split}".strip(),
        digest=pictures.sha256[:_DIGEST_CHARACTERS],
        source_type="code",
        source=json.dumps({"tags": dict(pictures.made_by)}),
        schema=json.dumps(
            {
                "mlflow_tensorspec": {
                    "features": _uint8("image", (-1, -1, -1, 3)),
                    "targets": _uint8("label", (-1, -1, -1)),
                }
            }
        ),
        profile=json.dumps(known),
    )
    tags = [InputTag(key, str(value)[:500]) for key, value in known.items()]
    return DatasetInput(dataset, [InputTag("mlflow.data.context", pictures.use), *tags])


def inputs_of(card: Card, run_tags: Mapping[str, str]) -> list[Pictures]:
    """What a bundle was trained and evaluated on, from its card and the tags of the run that trained it."""
    found: list[Pictures] = []
    training, metrics = card.training, card.metrics
    if training is not None:
        sha256 = training.split_sha256
        told = run_tags.get(PICTURES_TAG, "")
        found.append(
            Pictures(
                training.dataset,
                training.split,
                sha256,
                int(told) if told.isdecimal() else _KNOWN_SIZES.get(sha256),
                training.data_licence,
                "training",
                reader(training.git_commit),
            )
        )
        if scenes := scenes_of(training.recipe, training.git_commit):
            found.append(scenes)
    if metrics is not None:
        # The card tells the terms of the data that it was trained on.
        known = training is not None and training.dataset == metrics.dataset
        found.append(
            Pictures(
                metrics.dataset,
                metrics.split,
                metrics.split_sha256,
                metrics.images,
                training.data_licence if training and known else None,
                "evaluation",
                reader(training.git_commit if training else ""),
            )
        )
    return found


def pictures_of(data: "SegmentationDataset", use: Use, commit: str) -> Pictures:
    """A split that a run is about to use."""
    return Pictures(data.dataset, data.split, data.split_sha256, len(data), data.licence, use, reader(commit))


def scenes_of(recipe: Mapping[str, Any], commit: str) -> Pictures | None:
    """The rendered scenes that a recipe mixes in; None where it mixes none. Their number and seed stand for them."""
    number = int(recipe.get("scenes") or 0)
    if number == 0:
        return None
    identity = f"{SCENES} {number} seed {recipe.get('seed')}"
    made_by = {"mlflow.source.name": "modelisation.scenes", "mlflow.source.git.commit": commit}
    sha256 = hashlib.sha256(identity.encode()).hexdigest()
    return Pictures(SCENES, "", sha256, number, SCENES_LICENCE, "training", made_by)


def reader(commit: str) -> dict[str, str]:
    """`made_by` of pictures that were read from files."""
    return {"mlflow.source.name": "modelisation.data", "mlflow.source.git.commit": commit}


def _uint8(name: str, shape: tuple[int, ...]) -> str:
    return json.dumps([{"type": "tensor", "name": name, "tensor-spec": {"dtype": "uint8", "shape": list(shape)}}])
