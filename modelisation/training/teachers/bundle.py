"""A bundle as the teacher of photos, through the served runtime."""

from pathlib import Path

import numpy as np

from back.runtime.card import TeacherRecord
from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, open_photo, plan_resize, to_input
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.training.teachers.base import Pixels, quantise, softmax


class BundleTeacher:
    """A bundle of the student's classes; see `PhotoTeacher`.

    Raises:
        UserError: the bundle has other classes.
        BundleError: the folder is no bundle, or a file is not the one that its card lists.
    """

    def __init__(self, bundle: Path, taxonomy: Taxonomy) -> None:
        self._predictor = Predictor.load(bundle)
        card = self._predictor.card
        if card.taxonomy.id != taxonomy.id:
            raise UserError(f"{bundle}: the teacher knows {card.taxonomy.id}, the recipe wants {taxonomy.id}")
        self.record = TeacherRecord(
            name=card.name,
            sha256=self._predictor.sha256,
            weights_licence=card.training.weights_licence if card.training else None,
        )
        self.key = f"{card.name}-{self._predictor.sha256[:16]}"

    def probabilities(self, photo: bytes) -> Pixels:
        predictor = self._predictor
        contract = predictor.card.input
        opened = open_photo(photo, MAX_FILE_PIXELS, predictor.needed_size)
        plan = plan_resize(opened.height, opened.width, contract, None)
        scores_Chw = predictor.engine.run(to_input(opened.image, plan, contract)[None])
        high, wide = (max(1, round(side / contract.score_stride)) for side in (plan.height, plan.width))
        return quantise(softmax(np.asarray(scores_Chw[:, :high, :wide]), 0).transpose(1, 2, 0))
