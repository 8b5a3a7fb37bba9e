"""The model card (`model.json`) of a bundle: the contract between training and serving.

A bundle is one flat folder of data: `model.onnx`, `model.safetensors`, `model.json`, `history.json`, `report.json`
and `MLmodel`. Only the card's schema is code; nothing in a bundle is executed or unpickled.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy

CARD_FILE = "model.json"
ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "model.safetensors"
HISTORY_FILE = "history.json"
REPORT_FILE = "report.json"

ResizeFilter = Literal["box", "bilinear", "bicubic", "lanczos"]


class BundleError(UserError):
    """A bundle that cannot be used: says which file, what is wrong with it, and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputContract(_Strict):
    """How a photo becomes the network's input tensor.

    The photo keeps its aspect, is resized to about `pixel_budget` pixels with `resize_filter`, padded right and
    bottom to a multiple of `stride` with the mean colour, scaled to 0..1 and normalised by `mean` and `std`.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize_filter: ResizeFilter = "bilinear"
    stride: int = Field(default=32, ge=1, description="height and width of the input are multiples of this")
    score_stride: int = Field(default=4, ge=1, description="input pixels per score, in both directions")
    pixel_budget: int = Field(ge=32 * 32, description="pixels of the resized photo, before padding")
    photo_share: float | None = Field(
        default=None, gt=0, le=1, description="share of a photo's own pixels that is served, from pixel_budget on"
    )
    most_pixels: int | None = Field(default=None, ge=32 * 32, description="where photo_share ends")
    fixed_size: tuple[int, int] | None = Field(default=None, description="(height, width) when not dynamic")

    def pixels_for(self, height: int, width: int) -> int:
        """Pixels of the resized photo, before padding, for a photo of `height` x `width`.

        Large photos hold small things that a fixed budget would wipe out: with `photo_share` the network sees that
        share of their pixels, at least `pixel_budget` and at most `most_pixels`.
        """
        if self.photo_share is None:
            return self.pixel_budget
        most = self.pixel_budget if self.most_pixels is None else max(self.pixel_budget, self.most_pixels)
        return min(max(round(self.photo_share * height * width), self.pixel_budget), most)

    def with_budget(self, pixels: int) -> "InputContract":
        """The same contract with `pixels` for every photo."""
        return self.model_copy(update={"pixel_budget": pixels, "photo_share": None, "most_pixels": None})


class Metrics(_Strict):
    """Scores of one evaluation through the served runtime; fractions 0..1, None where a class has no pixel."""

    dataset: str
    split: str
    split_sha256: str = Field(description="sha256 of the split's sorted file list")
    images: int
    engine: str
    miou: float = Field(description="mean IoU over all classes that have pixels")
    miou_8: float | None = Field(default=None, description="street8: over all eight classes")
    miou_7: float | None = Field(default=None, description="street8: over the seven named classes")
    pixel_accuracy: float
    class_iou: dict[str, float | None]


class TeacherRecord(_Strict):
    """The network whose probabilities another one was trained on beside the labels."""

    name: str
    sha256: str = Field(description="of its model.onnx")
    weights_licence: str | None = Field(description="None where its card does not say how it was trained")


class TrainingRecord(_Strict):
    """Where the weights come from, so that someone else can make them again and knows the terms."""

    run_id: str
    git_commit: str
    git_dirty: bool
    seed: int
    recipe: dict[str, Any]
    dataset: str
    split: str
    split_sha256: str
    data_licence: str
    weights_licence: str
    initialisation: str
    teacher: TeacherRecord | None = Field(default=None, description="None also in cards from before this field")
    epochs: int
    steps: int
    steps_before: int = Field(default=0, description="of the runs whose weights this one began with")
    wall_time_s: float
    packages: dict[str, str]


class SelfTest(_Strict):
    """A tiny rendered picture and its label map, both PNG as base64, which an engine must reproduce."""

    image_png: str
    labels_png: str
    min_agreement: float = 0.99


class Card(_Strict):
    """The whole card. `files` maps every other file of the bundle to its sha256."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    architecture: str
    build: dict[str, Any]
    description: str
    limits: str
    taxonomy: Taxonomy
    input: InputContract
    parameters: int
    multiply_adds: int | None = Field(default=None, description="per photo at the pixel budget")
    metrics: Metrics | None = None
    training: TrainingRecord | None = None
    robustness: dict[str, float] = Field(default_factory=dict, description="perturbation -> mIoU lost, in points")
    carries: dict[str, float] = Field(
        default_factory=dict, description="pictures unlike those of training -> mIoU on them, 0..1"
    )
    self_test: SelfTest
    files: dict[str, str]


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def read_card(bundle: Path) -> Card:
    """Read and validate a bundle's card.

    Raises:
        BundleError: the card is missing, is not JSON, or breaks the schema.
    """
    path = bundle / CARD_FILE
    if not path.is_file():
        raise BundleError(f"{path}: no such file; a bundle folder holds {CARD_FILE} and {ONNX_FILE}")
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BundleError(f"{path}: {where}: {first['msg']}; export the bundle again") from error


def verify_files(bundle: Path, card: Card) -> None:
    """Check the sha256 of every file that the card lists.

    Raises:
        BundleError: a file is missing, differs, or its name leaves the folder.
    """
    for name, expected in card.files.items():
        path = bundle / name
        if Path(name).name != name:
            raise BundleError(f"{bundle / CARD_FILE}: file name {name!r} leaves the bundle folder")
        if not path.is_file():
            raise BundleError(f"{path}: listed in the card but missing; copy the bundle again")
        if sha256_of(path) != expected:
            raise BundleError(f"{path}: content does not match the card's sha256; copy the bundle again")
    if ONNX_FILE not in card.files:
        raise BundleError(f"{bundle / CARD_FILE}: the card lists no {ONNX_FILE}; export the bundle again")
