"""The model card (`model.json`) of a bundle: the contract between training and serving.

A bundle is one flat folder of data: `model.onnx`, `model.safetensors`, `model.json`, `history.json`, `report.json`
and `MLmodel`. Only the card's schema is code; nothing in a bundle is executed or unpickled.
"""

import hashlib
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import from_json

from back.runtime.errors import UserError
from back.runtime.familiarity import Familiarity
from back.runtime.onnx_file import NetworkError, check_network
from back.runtime.quantisation import Quantisation
from back.runtime.taxonomy import Taxonomy

CARD_FILE = "model.json"
ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "model.safetensors"
HISTORY_FILE = "history.json"
REPORT_FILE = "report.json"
# What a bundle may hold beside what its card lists, because nothing that serves reads it: MLflow's own description,
# what its loaders leave in a folder that they downloaded, and the histories that registering replays into MLflow.
MLMODEL_FILE = "MLmodel"
_META_FILE = "registered_model_meta"
EARLIER_RUNS = "earlier_runs"

MAX_FILE_BYTES = 512_000_000  # the bundled networks have 15 MB, SegFormer-B5 has 340
MAX_INPUT_PIXELS = 2**23  # what lies between a network's layers grows with its input: 200 million pixels took 11 GB
MAX_JSON_BYTES = 64_000_000  # of a card or a report; the bundled ones have a hundred kilobytes
_MAX_PICTURE = 8_000_000  # characters of the self-test's picture

_FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
_Positive = Annotated[float, Field(gt=0)]
_Side = Annotated[int, Field(ge=1, le=MAX_INPUT_PIXELS)]
ResizeFilter = Literal["box", "bilinear", "bicubic", "lanczos"]


class BundleError(UserError):
    """A bundle that cannot be used: says which file, what is wrong with it, and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InputContract(_Strict):
    """How a photo becomes the network's input tensor.

    The photo keeps its aspect, is resized to about `pixel_budget` pixels with `resize_filter`, padded right and
    bottom to a multiple of `stride` with the mean colour, scaled to 0..1 and normalised by `mean` and `std`.
    """

    mean: tuple[float, float, float]
    std: tuple[_Positive, _Positive, _Positive]
    resize_filter: ResizeFilter = "bilinear"
    stride: int = Field(default=32, ge=1, le=512, description="height and width of the input are multiples of this")
    score_stride: int = Field(default=4, ge=1, le=512, description="input pixels per score, in both directions")
    pixel_budget: int = Field(
        ge=32 * 32, le=MAX_INPUT_PIXELS, description="pixels of the resized photo, before padding"
    )
    photo_share: float | None = Field(
        default=None, gt=0, le=1, description="share of a photo's own pixels that is served, from pixel_budget on"
    )
    most_pixels: int | None = Field(
        default=None, ge=32 * 32, le=MAX_INPUT_PIXELS, description="where photo_share ends"
    )
    fixed_size: tuple[_Side, _Side] | None = Field(default=None, description="(height, width) when not dynamic")

    @model_validator(mode="after")
    def _fits_together(self) -> "InputContract":
        if self.fixed_size is not None and self.fixed_size[0] * self.fixed_size[1] > MAX_INPUT_PIXELS:
            raise ValueError(f"fixed_size must have at most {MAX_INPUT_PIXELS} pixels")
        if self.stride % self.score_stride and self.fixed_size is None:
            raise ValueError("stride must be a multiple of score_stride, or scores do not cover every input")
        return self

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


class Calibration(_Strict):
    """The temperature by which a network's scores are divided before the softmax, and what it was fitted on."""

    temperature: float = Field(ge=0.01, le=100, description="1 changes nothing, more makes the network less sure")
    dataset: str
    split: str
    split_sha256: str
    images: int
    nll: tuple[float, float] = Field(description="negative log-likelihood a pixel, at temperature 1 and at this one")
    ece: tuple[float, float] = Field(
        description="expected calibration error, 0..1, at temperature 1 and, each half of the images at the "
        "temperature that was fitted on the other half, with one"
    )
    unsure_below: float = Field(ge=0, le=1, description="confidence below which half of the wrong pixels are")
    unsure_share: float = Field(ge=0, le=1, description="of all labelled pixels, how many are below")


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


class Origin(_Strict):
    """Where the weights of a network come from that was trained elsewhere and imported."""

    source: str = Field(description="the hub's id with its revision, or the name of the folder or file")
    library: str = Field(description="whose network it is, with its version")
    licence: str = Field(description="of the weights, as the source names it")
    sha256: dict[str, str] = Field(description="file of the source's weights -> sha256")
    labels: dict[str, str] = Field(description="label of the source -> class, or `ignore`")


class SelfTest(_Strict):
    """A tiny rendered picture and its label map, both PNG as base64, which an engine must reproduce."""

    image_png: str = Field(max_length=_MAX_PICTURE)
    labels_png: str = Field(max_length=_MAX_PICTURE)
    min_agreement: float = Field(default=0.99, ge=0.9, le=1, description="share of the pixels")


class Card(_Strict):
    """The whole card. `files` maps every other file of the bundle to its sha256."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=200)
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
    # Left out of the JSON where there is none, so that a card from before this field stays as it is.
    origin: Origin | None = Field(default=None, exclude_if=lambda origin: origin is None)
    calibration: Calibration | None = Field(default=None, exclude_if=lambda calibration: calibration is None)
    quantisation: Quantisation | None = Field(default=None, exclude_if=lambda quantisation: quantisation is None)
    familiarity: Familiarity | None = Field(default=None, exclude_if=lambda familiarity: familiarity is None)
    robustness: dict[str, float] = Field(default_factory=dict, description="perturbation -> mIoU lost, in points")
    carries: dict[str, float] = Field(default_factory=dict, description="pictures of other kinds -> mIoU, 0..1")
    self_test: SelfTest
    files: dict[_FileName, str]

    @property
    def temperature(self) -> float:
        """By which the scores are divided before the softmax; 1 where none was fitted."""
        return 1.0 if self.calibration is None else self.calibration.temperature


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def read_card(bundle: Path) -> Card:
    """Read and validate a bundle's card.

    Raises:
        BundleError: the card is missing, is a link, is not JSON, or breaks the schema.
    """
    path = bundle / CARD_FILE
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path}: no such file; a bundle folder holds {CARD_FILE} and {ONNX_FILE}")
    read_json(path)
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BundleError(f"{path}: {where}: {first['msg']}; export the bundle again") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a bundle that can be passed on as JSON: without NaN, infinity and broken characters.

    Raises:
        BundleError: it is none, nests too deep, or is too large.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise BundleError(f"{path}: has more than {MAX_JSON_BYTES // 10**6} MB; export the bundle again")
    try:
        content = from_json(path.read_bytes(), allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(f"{path}: the file: Invalid JSON: {error}; export the bundle again") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path}: must hold a JSON object; export the bundle again")
    return content


def verify_files(bundle: Path, card: Card) -> None:
    """Check that a bundle's folder holds what its card says and nothing else, and look through the network.

    Whoever serves, evaluates, registers or distils from a bundle comes through here first. Files whose names begin
    with a dot are passed over: systems leave such behind, and nothing reads them.

    Raises:
        BundleError: a file is missing, differs, is a link or too large, is not listed in the card, or the network
            holds what is never run.
    """
    if ONNX_FILE not in card.files:
        raise BundleError(f"{bundle / CARD_FILE}: the card lists no {ONNX_FILE}; export the bundle again")
    for path in sorted(bundle.iterdir()):
        if path.name == EARLIER_RUNS and path.is_dir() and not path.is_symlink():
            for run in path.iterdir():
                _check_plain(run)
        elif path.name in (CARD_FILE, MLMODEL_FILE, _META_FILE, *card.files):
            _check_plain(path)
        elif not path.name.startswith("."):
            raise BundleError(f"{path}: the card does not list it, so it vouches for nothing there; remove it")
    for name, expected in card.files.items():
        path = bundle / name
        if not path.is_file():
            raise BundleError(f"{path}: listed in the card but missing; copy the bundle again")
        if sha256_of(path) != expected:
            raise BundleError(f"{path}: content does not match the card's sha256; copy the bundle again")
    try:
        check_network((bundle / ONNX_FILE).read_bytes())
    except NetworkError as error:
        raise BundleError(f"{bundle / ONNX_FILE}: {error}; export the bundle again") from error


def check_size(name: str, size: int) -> None:
    """Refuse a file that is too large to be part of a bundle.

    Raises:
        BundleError: it is.
    """
    if size > MAX_FILE_BYTES:
        raise BundleError(
            f"{name}: has {size / 1e6:.0f} MB where a bundle's file has at most {MAX_FILE_BYTES // 10**6}; "
            "train a smaller network"
        )


def _check_plain(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path}: is a link or no file, and a bundle holds plain files; put the file itself there")
    check_size(str(path), status.st_size)
