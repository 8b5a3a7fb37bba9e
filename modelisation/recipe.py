"""A training recipe: one YAML file, checked before anything else happens."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from back.runtime.card import ResizeFilter
from back.runtime.errors import UserError
from modelisation.yaml_files import first_mistake, read_yaml

Cache = Literal["auto", "memory", "disk"]
CLASS_SETS = Path(__file__).parent / "data" / "classes"

Probability = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
# A crop of less than the network's stride, or a picture brought down to nothing, holds no object to learn from.
Side = Annotated[int, Field(ge=32)]
Factor = Annotated[float, Field(ge=0.05, le=16)]


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"wanted the smaller number first, not {pair[0]} before {pair[1]}")
    return pair


Scale = Annotated[tuple[Factor, Factor], AfterValidator(_ascending)]
Weather = Literal["fog", "snow", "frost", "low light"]
WEATHER: tuple[Weather, ...] = get_args(Weather)
Severity = Annotated[int, Field(ge=1, le=5)]
Severities = Annotated[tuple[Severity, Severity], AfterValidator(_ascending)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CopyPaste(_Part):
    """Objects of rare classes from other training pictures, pasted in before the crop."""

    probability: float = Field(default=0.5, gt=0, le=1)
    classes: list[str] = Field(min_length=1, description="names of classes in the recipe's taxonomy")
    most: int = Field(default=4, gt=0, description="objects a picture at most; the number is drawn from 1 on")


class Augmentation(_Part):
    """What is done to a training picture, on uint8; probabilities are 0..1."""

    crop: tuple[Side, Side] = Field(default=(256, 320), description="height and width in pixels")
    scale: Scale = Field(
        default=(0.5, 2.0), description="resize factor from the served size on, drawn log-uniformly; 1: as served"
    )
    flip: Probability = 0.5
    rare_class: Probability = Field(default=0.0, description="probability of a crop on a class drawn uniformly")
    copy_paste: CopyPaste | None = None
    boards: Probability = Field(default=0.0, description="probability of boards of building sites along the street")
    boards_class: str = Field(default="building", description="what boards are in the recipe's taxonomy")
    brightness: Weight = 0.0
    contrast: Weight = 0.0
    saturation: Weight = 0.0
    hue: float = Field(default=0.0, ge=0, le=0.5)
    blur: Probability = Field(default=0.0, description="probability of a Gaussian blur with sigma 0.3 to 1.5 pixels")
    noise: Probability = Field(default=0.0, description="probability of Gaussian noise with sigma up to 10/255")
    jpeg: Probability = Field(default=0.0, description="probability of JPEG artefacts, quality 30 to 90")
    rotate: Probability = Field(default=0.0, description="probability of a rotation by up to 7 degrees")
    lens: Probability = Field(default=0.0, description="probability of a lens that bends straight lines")
    pitch: Probability = Field(default=0.0, description="probability of a camera that looks up or down")
    height: Probability = Field(default=0.0, description="probability of a camera that stands higher or lower")
    cast: Probability = Field(default=0.0, description="probability of a colour cast, gains exp(U(-0.25, 0.25))")
    gamma: Probability = Field(default=0.0, description="probability of a gamma of exp(U(-0.4, 0.4))")
    sharpen: Probability = Field(default=0.0, description="probability of sharpening")
    weather: Probability = Field(default=0.0, description="probability of fog, snow, frost or low light")
    weather_severity: Severities = Field(
        default=(1, 3), description="least and most severity of the weather, 1 to 5; drawn uniformly"
    )
    weather_kinds: tuple[Weather, ...] = Field(
        default=WEATHER, min_length=1, description="what it is drawn from; what stands twice is drawn twice as often"
    )
    vignette: Probability = Field(default=0.0, description="probability of corners that are darker by up to a half")


class SmallCrops(_Part):
    """Smaller crops of a smaller picture for the first epochs: most is learned there, at a fraction of the cost."""

    until_epoch: int = Field(gt=0, description="the last epoch, counted from 1, that takes these crops")
    crop: tuple[Side, Side]
    scale: Scale


class Distillation(_Part):
    """A trained network whose class probabilities are soft targets beside the labels."""

    teacher: str = Field(description="folder of the teacher's bundle; a relative one counts from the repository")
    weight: float = Field(default=1.0, gt=0)


class Unlabelled(_Part):
    """Photos without labels, learnt from by a teacher's probabilities, the network's own, or both."""

    folder: str = Field(description="folder of photos; a relative one counts from the repository")
    teacher: str | None = Field(
        default=None,
        description="folder of a bundle, a TFLite file of Cityscapes' 19 classes, or a folder of scores that were "
        "kept; a relative one counts from the repository",
    )
    teacher_licence: str | None = Field(default=None, description="terms of a teacher that has no card")
    share: Probability = Field(default=0.375, description="share of these photos in every batch")
    weight: Weight = Field(default=1.0, description="of the cross-entropy with the teacher's probabilities")
    threshold: Probability = Field(default=0.5, description="probability of the best class from which a pixel counts")
    on_labelled: bool = Field(default=True, description="whether the teacher speaks on the labelled pictures, too")
    consistency: Weight = Field(default=0.0, description="of what the averaged network says of the plain crop")
    held_out: float = Field(default=0.2, ge=0, lt=1, description="share of the photos that are only measured on")

    @model_validator(mode="after")
    def _teaches(self) -> "Unlabelled":
        if not (self.teacher and self.weight) and not self.consistency:
            raise ValueError("name a teacher, or set consistency above 0; else the photos teach nothing")
        return self


class Loss(_Part):
    """Weights of the parts of the loss; a part of weight 0 is not computed."""

    cross_entropy: Weight = 1.0
    ohem: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="share of the labelled pixels, hardest first, in the cross-entropy; 1: all",
    )
    dice: Weight = 0.0
    lovasz: Weight = 0.0
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _has_a_part(self) -> "Loss":
        if not (self.cross_entropy or self.dice or self.lovasz):
            raise ValueError("every part has weight 0, so there is nothing to learn from")
        return self


class Recipe(_Part):
    """Everything that decides a run but the data folder."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="name of the registered model")
    description: str
    limits: str
    architecture: str
    build: dict[str, Any] = Field(default_factory=dict)
    taxonomy: str | None = Field(
        default=None,
        description="class set: a built-in one's name or a .yaml file; default: the data folder's, else street8",
    )
    train_split: str = Field(default="train", min_length=1)
    val_split: str = Field(default="val", min_length=1)
    scenes: int = Field(default=0, ge=0, description="rendered scenes mixed into the training pictures")
    scenes_share: float = Field(default=0.0, ge=0, lt=1, description="share of them in an epoch")
    scenes_building_sites: float = Field(0.0, ge=0, le=1, description="how probable one is on each side of a street")
    seed: int = Field(default=1, ge=0, lt=1 << 32)
    epochs: int = Field(gt=0)
    epoch_samples: int | None = Field(None, gt=0, description="pictures an epoch; default: once through the data")
    batch_size: int = Field(8, gt=0)
    lr: float = Field(gt=0)
    encoder_lr_factor: float = Field(1.0, gt=0)
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="factor of the learning rate from one encoder layer to the one before it"
    )
    weight_decay: Weight = 0.01
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Literal["poly", "cosine"] = "poly"
    clip_norm: float = Field(default=5.0, gt=0)
    ema_decay: float = Field(default=0.0, ge=0, lt=1, description="0 switches the moving average of the weights off")
    freeze_batchnorm_after: int | None = Field(
        default=None, ge=0, description="epochs after which every batch norm is fixed; default: never"
    )
    loss: Loss = Loss()
    distillation: Distillation | None = None
    unlabelled: Unlabelled | None = None
    augmentation: Augmentation = Augmentation()
    small_crops_first: list[SmallCrops] = Field(default_factory=list, description="in the order of their epochs")
    precision: Literal["bf16", "no"] = "bf16"
    compile: bool = Field(default=False, description="torch.compile: for GPUs; slows a step on a processor down")
    workers: int = Field(default=1, ge=0, le=256)
    cache: Cache = Field(
        default="auto", description="where decoded pictures are kept; auto: on disk above 4 GiB a split"
    )
    pixel_budget: int = Field(default=480 * 360, ge=32 * 32, description="pixels of the served network's input")
    photo_share: float | None = Field(
        default=None, gt=0, le=1, description="share of a photo's own pixels that is served, from pixel_budget on"
    )
    most_pixels: int | None = Field(default=None, description="where photo_share ends; default: pixel_budget")
    resize_filter: ResizeFilter = "bilinear"
    weights_licence: str = "as the data's"
    init_from: str | None = Field(
        default=None,
        description="folder of a bundle or run whose weights training starts from; a relative one counts from the "
        "repository",
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _no_is_a_word(cls, value: Any) -> Any:
        return "no" if value is False else value  # YAML 1.1 reads an unquoted no as false

    @field_validator("taxonomy")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        known = sorted((path.stem for path in CLASS_SETS.glob("*.yaml")), key=lambda name: (name != "street8", name))
        if value is not None and value not in known and not value.lower().endswith((".yaml", ".yml")):
            raise ValueError(f"unknown class set {value!r}; known: {', '.join(known)}, or name a .yaml file")
        return value

    @model_validator(mode="after")
    def _averages_what_teaches_itself(self) -> "Recipe":
        if self.unlabelled and self.unlabelled.consistency and not self.ema_decay:
            raise ValueError("unlabelled.consistency needs the averaged network: set ema_decay, for example to 0.998")
        if self.distillation and self.unlabelled and self.unlabelled.teacher:
            raise ValueError("two teachers, and a card names the terms of one: leave out distillation, or the other")
        return self

    @model_validator(mode="after")
    def _sees_at_most_what_it_sees_at_least(self) -> "Recipe":
        if self.most_pixels is not None and (self.photo_share is None or self.most_pixels < self.pixel_budget):
            raise ValueError("most_pixels goes with photo_share, and is at least pixel_budget")
        return self

    @field_validator("small_crops_first")
    @classmethod
    def _in_order(cls, value: list[SmallCrops]) -> list[SmallCrops]:
        ends = [part.until_epoch for part in value]
        if sorted(set(ends)) != ends:
            raise ValueError(f"until_epoch must rise from part to part, not {', '.join(map(str, ends))}")
        return value

    def augmentations(self) -> list[tuple[int, Augmentation]]:
        """The augmentation of each part of the run, with the number of epochs after which it ends."""
        small = [
            (part.until_epoch, self.augmentation.model_copy(update={"crop": part.crop, "scale": part.scale}))
            for part in self.small_crops_first
        ]
        return [*small, (self.epochs, self.augmentation)]


def load_recipe(path: Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe and apply `key=value` overrides (dotted keys, values in YAML).

    Raises:
        UserError: the file is missing or no YAML mapping, an override is none, or a field is wrong.
    """
    if not path.exists():
        known = ", ".join(sorted(p.name for p in (Path(__file__).parent / "recipes").glob("*.yaml")))
        raise UserError(f"{path}: no such recipe; modelisation/recipes holds {known}")
    fields = read_yaml(path)
    if not isinstance(fields, dict):
        raise UserError(f"{path}: wanted a mapping of recipe fields")
    for override in overrides or []:
        _override(fields, override)
    if isinstance(classes := fields.get("taxonomy"), str) and (path.parent / classes).is_file():
        fields["taxonomy"] = str((path.parent / classes).absolute())  # a file beside the recipe
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{path}: {first_mistake(error)}") from error


def _override(fields: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator:
        raise UserError(f"--set {override}: wanted key=value, for example --set epochs=2")
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        if fields.get(parent) is None:
            fields[parent] = {}
        if not isinstance(fields[parent], dict):
            raise UserError(f"--set {override}: {parent} has no parts; write --set {parent}=…")
        fields = fields[parent]
    try:
        fields[leaf] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: {value} is not valid YAML") from error
