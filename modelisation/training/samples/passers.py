"""People of other training pictures who pass before boards, as large as they would be there.

A network that has seen boards without them still takes someone on a bicycle before a poster for a part of a bus.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from modelisation.data.base import Sample
from modelisation.training.samples.board_places import Place
from modelisation.training.samples.copy_paste import Found, cut_out, find_objects

_METRES = (1.5, 1.9)  # height of someone who walks, stands or rides
_LEAST_HEIGHT = 0.08  # of the picture's: less is a blot once it is enlarged
_SHAPE = (0.2, 1.0)  # width over height: wider is a group, or someone cut off by a car
_LEAST_PIXELS, _LARGEST_FACTOR = 8, 2.0
_NEAREST = 4.0
_GAIN = (0.5, 2.5)  # people of a dark picture are brought to the light of the other, within reason


class Passers:
    """Puts people before a row of boards.

    Args:
        samples: training pictures, which give the people.
        classes: ids of people and riders.
        ground: bool [256], whether an id is road or sidewalk.
    """

    def __init__(self, samples: Sequence[Sample], classes: Sequence[int], ground: npt.NDArray[np.bool_]) -> None:
        self.samples = samples
        self.ground = ground
        self.found = [one for one in find_objects(samples, classes) if _is_a_person(one, samples[one.sample])]

    def __call__(
        self,
        image_HWC: npt.NDArray[np.uint8],
        label_HW: npt.NDArray[np.uint8],
        place: Place,
        metres: float,
        horizon: float,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.bool_]:
        """Put up to four people before boards, into image and label in place.

        Args:
            image_HWC: uint8 RGB.
            label_HW: uint8 class ids.
            place: where the boards stand.
            metres: their height.
            horizon: its row in the picture.
            rng: decides who, and where.

        Returns:
            Where they are, bool [H, W].
        """
        put_HW = np.zeros(label_HW.shape, bool)
        light = image_HWC[::8].mean()
        (columns,) = np.nonzero(np.isfinite(place.foot))
        # How many times nearer than the boards, from the pavement before them to the middle of the road.
        nearness = np.exp(rng.uniform(0, np.log(_NEAREST), int(rng.integers(0, 5))))
        label_before_HW = label_HW.copy()
        for near in np.sort(nearness):  # whoever is nearer is put later
            column = int(rng.choice(columns))
            foot, top = float(place.foot[column]), float(place.top[column])
            row = round(horizon + (foot - horizon) * near)
            if row < len(label_HW) and not self.ground[label_before_HW[row, column]]:
                continue  # a car is there
            height = round(float(rng.uniform(*_METRES)) * (foot - top) / metres * near)
            large = [one for one in self.found if _LARGEST_FACTOR * _height(one) >= height]
            if height < _LEAST_PIXELS or not large:
                continue
            found = large[int(rng.integers(len(large)))]
            cutout, mask = self._cut_out(found, height, bool(rng.integers(2)))
            gain = np.clip(light / max(1.0, self.samples[found.sample].image[::8].mean()), *_GAIN)
            cutout = np.clip(cutout * gain, 0, 255).astype(np.uint8)
            _put(image_HWC, label_HW, put_HW, cutout, mask, found.class_id, (row, column))
        return put_HW

    def _cut_out(
        self, found: Found, height: int, mirrored: bool
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """A person resized to a height: uint8 [h, w, 3], and which pixels are theirs, bool [h, w]."""
        whole, theirs = cut_out(found, self.samples)
        size = max(2, round(theirs.shape[1] * height / theirs.shape[0])), height
        cutout = np.asarray(Image.fromarray(whole).resize(size))
        inside = np.asarray(Image.fromarray((theirs * 255).astype(np.uint8)).resize(size)) > 127
        return (cutout[:, ::-1], inside[:, ::-1]) if mirrored else (cutout, inside)


def _is_a_person(found: Found, sample: Sample) -> bool:
    height, columns = _height(found), found.box[1]
    shape = (columns.stop - columns.start) / height
    return height >= _LEAST_HEIGHT * sample.label.shape[0] and _SHAPE[0] <= shape <= _SHAPE[1]


def _height(found: Found) -> int:
    rows = found.box[0]
    return int(rows.stop - rows.start)


def _put(
    image_HWC: npt.NDArray[np.uint8],
    label_HW: npt.NDArray[np.uint8],
    put_HW: npt.NDArray[np.bool_],
    cutout: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    class_id: int,
    at: tuple[int, int],
) -> None:
    """Put a cutout with its lower edge on a row and its middle in a column, as far as the picture reaches."""
    (height, width), (high, wide) = label_HW.shape, mask.shape
    top, left = at[0] - high, at[1] - wide // 2
    rows, columns = (
        slice(max(0, at), max(0, min(end, at + n))) for at, end, n in ((top, height, high), (left, width, wide))
    )
    within = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    mask = mask[within]
    image_HWC[rows, columns][mask] = cutout[within][mask]
    label_HW[rows, columns][mask] = class_id
    put_HW[rows, columns] |= mask
