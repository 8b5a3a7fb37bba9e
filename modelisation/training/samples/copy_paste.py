"""Copy-paste of rare classes: objects of one training picture pasted into another (Ghiasi et al., CVPR 2021,
arXiv:2012.07177). Where a data set has no instances, connected components of a class stand in for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from tqdm import tqdm

from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample
from modelisation.recipe import CopyPaste
from modelisation.training.samples.draw import integer, uniform

# Fewer pixels are mostly mistakes in the labels; more than this share of a picture is no object.
_MIN_PIXELS, _MAX_SHARE = 60, 0.1
_ROW_JITTER = 0.05  # of the picture's height
_EIGHT_NEIGHBOURS = np.ones((3, 3))


@dataclass(frozen=True)
class Found:
    """Where an object is: its sample, class, bounding box, and one of its pixels in the box."""

    sample: int
    class_id: int
    box: tuple[slice, slice]
    pixel: tuple[int, int]


def find_objects(samples: Sequence[Sample], classes: Sequence[int]) -> list[Found]:
    """The connected components (eight neighbours) of some classes, those of a fitting size, with a progress bar."""
    found = []
    for index in tqdm(range(len(samples)), desc="finding objects", unit="img"):
        label_HW = samples[index].label
        for class_id in classes:
            components, _ = ndimage.label(label_HW == class_id, _EIGHT_NEIGHBOURS)
            sizes = np.bincount(components.ravel())
            for number, box in enumerate(ndimage.find_objects(components), start=1):
                if box is not None and _MIN_PIXELS <= sizes[number] <= _MAX_SHARE * label_HW.size:
                    y, x = np.argwhere(components[box] == number)[0]
                    found.append(Found(index, class_id, box, (int(y), int(x))))
    return found


def cut_out(found: Found, samples: Sequence[Sample]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The pixels of an object's box, uint8 [h, w, 3], and which of them are the object's, bool [h, w]."""
    source = samples[found.sample]
    components, _ = ndimage.label(source.label[found.box] == found.class_id, _EIGHT_NEIGHBOURS)
    return source.image[found.box], components == components[found.pixel]


class Paster:
    """Pastes a few objects into a picture, each at about its own row, where its size fits the perspective.

    Only places are kept, so a large data set costs no memory; an object's pixels are cut out when it is pasted.
    Draws come from torch's global generator, as for every other augmentation.

    Args:
        samples: pictures of the training split, which give the objects.
        settings: how often, how many, and which classes.
        taxonomy: the samples' own.

    Raises:
        UserError: the taxonomy has no such class, or no picture holds an object of these classes.
    """

    def __init__(self, samples: Sequence[Sample], settings: CopyPaste, taxonomy: Taxonomy) -> None:
        if unknown := sorted(set(settings.classes) - set(taxonomy.names)):
            raise UserError(
                f"copy_paste.classes: {taxonomy.id} has no {', '.join(unknown)}; it has {', '.join(taxonomy.names)}"
            )
        self.samples = samples
        self.settings = settings
        found = find_objects(samples, [taxonomy.names.index(name) for name in settings.classes])
        # By class, so that the rarest of them is pasted as often as the others.
        self.objects = [
            some for c in {f.class_id: None for f in found} if (some := [f for f in found if f.class_id == c])
        ]
        if not self.objects:
            raise UserError(
                f"copy_paste.classes: no object of {', '.join(settings.classes)} in the training pictures"
            )

    def __call__(self, sample: Sample) -> Sample:
        """The sample, or with probability `probability` a copy of it with 1 to `most` objects pasted in."""
        if uniform(0, 1) >= self.settings.probability:
            return sample
        image, label = sample.image.copy(), sample.label.copy()
        for _ in range(1 + integer(self.settings.most)):
            of_class = self.objects[integer(len(self.objects))]
            self._paste(image, label, of_class[integer(len(of_class))])
        return Sample(image, label, sample.name)

    def _paste(self, image_HWC: npt.NDArray[np.uint8], label_HW: npt.NDArray[np.uint8], found: Found) -> None:
        source = self.samples[found.sample]
        cutout, mask = cut_out(found, self.samples)
        if integer(2):
            mask, cutout = mask[:, ::-1], cutout[:, ::-1]
        (height, width), (object_height, object_width) = label_HW.shape, mask.shape
        if object_height > height or object_width > width:
            return  # pictures of several sizes: it would not fit
        row = found.box[0].start / source.label.shape[0] + uniform(-_ROW_JITTER, _ROW_JITTER)
        top = min(max(round(row * height), 0), height - object_height)
        left = integer(width - object_width + 1)
        place = slice(top, top + object_height), slice(left, left + object_width)
        image_HWC[place][mask] = cutout[mask]
        label_HW[place][mask] = found.class_id
