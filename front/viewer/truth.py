"""The label as a layer of the viewer."""

from collections.abc import Mapping, Sequence

from front.api.comparison import AgainstLabel
from front.photos.album import Photo
from front.photos.label_files import LabelFile
from front.photos.picture import display_size, shrink_map
from front.viewer.canvas import Layer


def truth_layer(
    photo: Photo, label: LabelFile, judged: AgainstLabel, taxonomy: str, classes: Sequence[Mapping[str, object]]
) -> Layer | None:
    """The true classes in a class set, whose names and colours are given; None where the API sent none of it."""
    truth_png = judged.truths.get(taxonomy)
    if truth_png is None:
        return None
    shown = shrink_map(truth_png, display_size(photo.width, photo.height))
    return Layer("Label", shown, classes, f"The true classes, of {label.name}.", note=label.name, truth=True)


def note_of(judged: AgainstLabel | None, model: str) -> str | None:
    """How well a model does on this photo, for its panel; None without a label."""
    score = None if judged is None else judged.scores.get(model)
    return None if score is None or score.miou is None else f"mIoU {100 * score.miou:.1f} %"
