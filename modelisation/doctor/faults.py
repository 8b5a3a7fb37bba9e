"""What the data doctor can find, how bad it is, and what to do about it."""

from dataclasses import dataclass
from typing import Any

from back.runtime.layouts.listing import REASONS

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: errors make training or scores wrong, warnings make them worth less."""

    severity: str
    title: str
    fix: str


KINDS: dict[str, Kind] = {
    "image_without_label": Kind(ERROR, "image without a label", "add the label PNG, or take the image out"),
    "unreadable_image": Kind(ERROR, "corrupt or truncated image", "copy or download the file again"),
    "unreadable_label": Kind(ERROR, "corrupt or truncated label", "copy or download the file again"),
    "size_mismatch": Kind(
        ERROR, "image and label differ in size", "resize the label with nearest neighbour, or find its own image"
    ),
    "colour_label": Kind(
        ERROR, "label holds colours, not ids", "take the ids file (Cityscapes: *_labelIds.png), or map colours to ids"
    ),
    "label_format": Kind(
        ERROR,
        "label is not one channel of ids of 0 to 255",
        "save the ids as 8-bit grey (Cityscapes: take *_labelIds.png, not *_instanceIds.png)",
    ),
    "palette_unclear": Kind(
        ERROR, "palette label whose ids cannot be told", "save the ids as 8-bit grey, without a palette"
    ),
    "wrong_ignore_value": Kind(
        ERROR,
        "another value for ignored pixels than the source's",
        "replace that value in the label files: 255 marks ignored pixels (CamVid: 11)",
    ),
    "values_outside_table": Kind(
        ERROR, "label values outside the source's table", "check which ids the files hold; name them in dataset.json"
    ),
    "train_ids": Kind(
        ERROR, "trainIds where labelIds belong", "use *_labelIds.png, or declare the source cityscapes19"
    ),
    "remapped_already": Kind(
        ERROR,
        "label is remapped already: loading remaps it twice",
        "use the original labels, or a plain folder whose dataset.json declares the source street8",
    ),
    "remapped_twice": Kind(
        ERROR, "label was remapped twice", "make the labels again from the originals, with one remap"
    ),
    "other_encoding": Kind(
        ERROR, "label values fit another source than the declared one", "declare the source that the files hold"
    ),
    "ids_from_one": Kind(
        ERROR,
        "ids begin at 1, and 0 is background or no label",
        "subtract 1 from each id, and give 0 the id of the background (street8: 7) or 255",
    ),
    "two_valued_mask": Kind(
        ERROR,
        "black-and-white masks of one class, no class ids",
        "write the id of its class into each pixel, and 255 only where nothing is labelled: 255 is ignored",
    ),
    "split_ignored": Kind(
        ERROR, "split that teaches and scores nothing", "label it, or check which values mean what in its files"
    ),
    "exif_rotated": Kind(
        ERROR,
        "EXIF-rotated image whose label is not rotated",
        "rotate the pixels of both files upright and remove the image's orientation tag",
    ),
    "turned_label": Kind(
        ERROR,
        "label lies on its side or upside down",
        "turn the label as its image is turned; where both are turned, turn both",
    ),
    "all_ignored": Kind(WARNING, "label without a single usable pixel", "label the image, or take the pair out"),
    "near_duplicate": Kind(
        WARNING, "image almost equal to one of another split", "keep it in one split alone: else scores flatter"
    ),
    "clip_in_two_splits": Kind(
        WARNING, "one clip in two splits", "split by clip; scores on neighbouring frames flatter the model"
    ),
    "one_scene": Kind(
        WARNING, "split of a single scene", "add clips; differences between models on it have no interval"
    ),
    "class_missing": Kind(
        WARNING, "class without a pixel in the split", "add images that show it, or leave its score out"
    ),
    **{kind: Kind(WARNING, reason.title, reason.fix) for kind, reason in REASONS.items()},
}


@dataclass(frozen=True)
class Fault:
    """One finding: what kind, in which file (or split), and the particulars."""

    kind: str
    path: str
    detail: str = ""

    @property
    def severity(self) -> str:
        return KINDS[self.kind].severity

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "severity": self.severity, "path": self.path, "detail": self.detail}
