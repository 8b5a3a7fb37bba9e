"""Label files: what their values mean, and which pixels of one carry no label.

What a value turns into is the API's business; the dashboard knows only which values mean "not labelled", so that it
can tell a pixel that both models have right from one that nobody judged.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

TITLES = {
    "street8": "street8 ids",
    "cityscapes_label_ids": "Cityscapes labelIds",
    "cityscapes19": "Cityscapes trainIds",
    "cityscapes7": "Cityscapes categories",
    "camvid11": "CamVid, 11 classes",
}

_VOID = frozenset({255})
# Of Cityscapes' labelIds only these are judged by its protocol.
_NOT_JUDGED = frozenset({*range(34), 255}) - {7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33}
# _UNLABELLED[source][taxonomy of the model]: values of the file that are no label for that model. A pair that is
# missing has no remap, and the API refuses it. A test holds this against the API's own tables.
_UNLABELLED: Mapping[str, Mapping[str, frozenset[int]]] = {
    "street8": {"street8": _VOID, "cityscapes7": _VOID | {7}},
    "cityscapes_label_ids": dict.fromkeys(("street8", "cityscapes19", "cityscapes7"), _NOT_JUDGED),
    "cityscapes19": dict.fromkeys(("street8", "cityscapes19", "cityscapes7"), _VOID),
    "cityscapes7": {"cityscapes7": _VOID},
    "camvid11": dict.fromkeys(("street8", "cityscapes7"), frozenset({11})),
}


@dataclass(frozen=True)
class LabelFile:
    """A file with the true classes of a photo."""

    sha: str
    name: str
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, data: bytes) -> "LabelFile":
        return cls(hashlib.sha256(data).hexdigest(), name, data)


def sources_for(taxonomies: Iterable[str]) -> list[str]:
    """What a label file's values may be so that models of all these taxonomies can be judged by it."""
    wanted = set(taxonomies)
    return [source for source, targets in _UNLABELLED.items() if wanted <= targets.keys()]


def unlabelled_values(source: str, taxonomy: str) -> frozenset[int]:
    """Values of a label file that are no label for a model of this taxonomy."""
    return _UNLABELLED[source][taxonomy]


def labelled_pixels(label: LabelFile, source: str, taxonomies: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which pixels every model is judged by: bool [H, W]. The API has read the file before, so it can be read."""
    has_label = np.ones(256, bool)
    for taxonomy in taxonomies:
        has_label[list(unlabelled_values(source, taxonomy))] = False
    with Image.open(io.BytesIO(label.data)) as image:
        return has_label[np.asarray(image)]
