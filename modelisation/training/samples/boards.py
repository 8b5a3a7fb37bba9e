"""Boards of building sites pasted into labelled street photos.

A long bright wall of panels, with posters and letters on it, looks like the side of a bus. A network that has seen
few takes it for one, and rendered streets with boards teach it little of those in photos. So rows of panels are stood
on the ground of a photo, in its perspective and light, behind what stands nearer.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.board_looks import draw_look, draw_strip
from modelisation.training.samples.board_places import Place, draw_places, find_street
from modelisation.training.samples.passers import Passers
from modelisation.training.samples.roles import Roles, find_roles
from modelisation.training.samples.soft import SoftSample, silence

_SHADOW = 0.06  # length of the shadow at a board's foot, of its height
_EIGHT_NEIGHBOURS = np.ones((3, 3))
_TRIES = 6
_BOTH_SIDES = 0.4
_LEAST = 0.004  # share of the picture: fewer pixels teach nothing
_MOST_GROUND = 0.4  # share of a row's pixels that may hide ground: more, and it stands in the middle of the road
_DOUBT = 0.02  # of the picture's height: what stands so little behind boards is seen, since a label is not exact
_THIN = 0.08  # of the picture's width: what is narrower and stands on the ground is a pole or a sign


class BoardPaster:
    """Pastes rows of boards into a picture. Draws come from the generator that a call gets, and from nothing else.

    Where no ground is labelled, as in photos without labels, no boards are pasted: nobody knows where they could
    stand, and the teacher has spoken on the photo as it is.

    Args:
        samples: training pictures; parts of their buildings, trees and skies hang on the boards as posters, and their
            people pass before them.
        probability: that a picture gets boards, 0..1.
        class_name: the class of boards.
        taxonomy: the samples' own.

    Raises:
        UserError: the taxonomy has no such class, or none to stand on.
    """

    def __init__(self, samples: Sequence[Sample], probability: float, class_name: str, taxonomy: Taxonomy) -> None:
        if class_name not in taxonomy.names:
            raise UserError(
                f"augmentation.boards_class: {taxonomy.id} has no {class_name}; it has {', '.join(taxonomy.names)}"
            )
        self.samples = samples
        self.probability = probability
        self.class_id = taxonomy.names.index(class_name)
        self.roles = find_roles(taxonomy)
        self.passers = Passers(samples, np.flatnonzero(self.roles.walking).tolist(), self.roles.ground)

    @classmethod
    def of(cls, samples: Sequence[Sample], augmentation: Augmentation, taxonomy: Taxonomy) -> "BoardPaster | None":
        """What `augmentation.boards` describes; None where it is 0."""
        if not augmentation.boards:
            return None
        return cls(samples, augmentation.boards, augmentation.boards_class, taxonomy)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The sample, or with probability `probability` a copy of it with boards, where there is room for them.

        Of a sample with soft targets these say nothing (0) where boards stand: there the label alone teaches.
        """
        if rng.random() >= self.probability:
            return sample
        street = find_street(sample.label, self.roles.ground, self.roles.built)
        if street is None:
            return sample
        image, label = sample.image.copy(), sample.label.copy()
        hidden_HW = np.zeros(label.shape, bool)
        sides = rng.permutation(street.sides)
        for side in sides if rng.random() < _BOTH_SIDES else sides[:1]:
            look = draw_look(rng)
            for _ in range(_TRIES):
                places = draw_places(street, float(side), look.height, rng)
                seen = [self._seen(place, sample.label) for place in places]
                if self._fits(places, seen, sample.label):
                    light = _light(image, sample.label, self.roles, rng)
                    for place, seen_HW in zip(places, seen, strict=True):
                        strip = draw_strip(look, place.length, rng, lambda: self._picture(rng))
                        boards_HW = paste(image, place, strip, seen_HW, light, rng)
                        label[boards_HW] = self.class_id
                        hidden_HW |= boards_HW
                    hidden_HW |= self.passers(image, label, places[0], look.height, street.horizon, rng)
                    break
        changed = replace(sample, image=image, label=label)
        return silence(changed, hidden_HW) if isinstance(changed, SoftSample) and changed.soft.size else changed

    def _seen(self, place: Place, label_HW: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Where nothing that stands nearer would hide a row of boards, bool [H, W]."""
        seen_HW = np.ones(label_HW.shape, bool)
        for of_role in (self.roles.standing, self.roles.thin):
            components, _ = ndimage.label(of_role[label_HW], _EIGHT_NEIGHBOURS)
            for number, box in enumerate(ndimage.find_objects(components), start=1):
                rows, columns = box
                if of_role is self.roles.thin and columns.stop - columns.start > _THIN * label_HW.shape[1]:
                    continue
                its_HW = components[box] == number
                foot = place.foot_at(columns.start + np.flatnonzero(its_HW[-1]).mean())
                if rows.stop >= foot - _DOUBT * label_HW.shape[0]:  # it stands on ground that is nearer
                    seen_HW[box] &= ~its_HW
        return seen_HW

    def _fits(
        self, places: Sequence[Place], seen: Sequence[npt.NDArray[np.bool_]], label_HW: npt.NDArray[np.uint8]
    ) -> bool:
        """Whether boards would stand on ground, hide little of it, and be seen at all."""
        if not places:
            return False
        masks = [place.mask(label_HW.shape[0]) & seen_HW for place, seen_HW in zip(places, seen, strict=True)]
        mask_HW = np.logical_or.reduce(masks)
        if mask_HW.sum() < _LEAST * label_HW.size or self.roles.ground[label_HW[mask_HW]].mean() > _MOST_GROUND:
            return False
        at_foot = np.concatenate([place.at_foot(label_HW) for place in places])
        free = self.roles.ground[at_foot] | self.roles.standing[at_foot]
        return bool(at_foot.size) and free.mean() > 0.7 and self.roles.ground[at_foot].mean() > 0.3

    def _picture(self, rng: np.random.Generator) -> npt.NDArray[np.uint8] | None:
        """A piece of a training picture that shows neither road users nor ground; None where none was found."""
        for _ in range(4):
            other = self.samples[int(rng.integers(len(self.samples)))]
            high, wide = other.label.shape
            size = rng.uniform(0.15, 0.5, 2) * (high, wide)
            top, left = (rng.uniform(0, 1, 2) * ((high, wide) - size)).astype(int)
            box = slice(top, top + max(2, int(size[0]))), slice(left, left + max(2, int(size[1])))
            shown = other.label[box]
            if not (self.roles.standing[shown] | self.roles.ground[shown]).any() and self.roles.built[shown].any():
                return other.image[box]
        return None


def paste(
    image_HWC: npt.NDArray[np.uint8],
    place: Place,
    strip: npt.NDArray[np.float32],
    seen_HW: npt.NDArray[np.bool_],
    light: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Paste a strip into a picture, in place, with the camera's blur and noise and a shadow at its foot.

    Args:
        image_HWC: uint8 RGB.
        place: where the strip stands.
        strip: float32 [h, w, 4] as `draw_strip` gives it.
        seen_HW: where nothing stands before it.
        light: the grey value, 0..255, of a white board, for each channel.
        rng: decides shade, blur and noise.

    Returns:
        The pixels that show boards, bool [H, W].
    """
    box = place.box(image_HWC.shape[0])
    colour_HWC, opaque_HW = (part[box] for part in place.project(strip, image_HWC.shape[0]))
    seen_HW, part_HWC = seen_HW[box], image_HWC[box].astype(np.float32)
    # Blurred before what stands nearer is cut out, which is in focus as it was. Colours are times opacity.
    sigma = rng.uniform(0.2, 0.7)
    colour_HWC = ndimage.gaussian_filter(colour_HWC, (sigma, sigma, 0)) * seen_HW[..., None]
    soft_HW = ndimage.gaussian_filter(opaque_HW, sigma) * seen_HW
    left, right = rng.uniform(0.85, 1.1, 2)
    shade = np.linspace(left, right, soft_HW.shape[1])[:, None]
    noise_HW = rng.normal(0, rng.uniform(0.5, 2.5), soft_HW.shape) * soft_HW
    rows, columns = np.arange(box[0].start, box[0].stop)[:, None] + 0.5, box[1]
    below = (rows - place.foot[columns]) / (_SHADOW * (place.foot - place.top)[columns])
    shadow_HW = np.where((below > 0) & (below < 1), rng.uniform(0.2, 0.6) * (1 - below), 0) * seen_HW
    changed = part_HWC * ((1 - shadow_HW) * (1 - soft_HW))[..., None] + colour_HWC * (light * shade)
    image_HWC[box] = np.clip(np.rint(changed + noise_HW[..., None]), 0, 255).astype(np.uint8)
    pasted_HW = np.zeros(image_HWC.shape[:2], bool)
    pasted_HW[box] = (opaque_HW > 0.5) & seen_HW
    return pasted_HW


def _light(
    image_HWC: npt.NDArray[np.uint8], label_HW: npt.NDArray[np.uint8], roles: Roles, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The grey values of a white board in this picture: about those of the brightest that is no sky."""
    some = slice(None, None, max(1, label_HW.shape[0] // 60))  # rows, for speed
    brightest = np.percentile(image_HWC[some][~roles.sky[label_HW[some]]], 92, axis=0)
    return np.minimum((0.5 * brightest + 0.5 * brightest.mean()) * rng.uniform(0.55, 1.25), 250)
