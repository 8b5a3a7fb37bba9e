"""What a batch is to teach: its labels, a teacher's word on it, and the averaged network's own."""

from dataclasses import dataclass

from torch import Tensor

from back.runtime.card import InputContract
from modelisation.models.base import Criterion
from modelisation.recipe import Recipe
from modelisation.training.distillation import Teacher, add_teacher
from modelisation.training.ema import WeightAverage
from modelisation.training.samples.augment import Views
from modelisation.training.unlabelled import own_targets


@dataclass(frozen=True)
class Objective:
    """The criterion of each batch of a run.

    Attributes:
        recipe: which parts there are, and what each weighs.
        labelled: the criterion of the labels.
        teacher: that of `recipe.distillation`.
        average: the network that teaches itself, where `recipe.unlabelled.consistency` says so.
        contract: of the network's input.
        ignore_index: of the labels.
    """

    recipe: Recipe
    labelled: Criterion
    teacher: Teacher | None
    average: WeightAverage
    contract: InputContract
    ignore_index: int

    def of(self, views: Views, image_NHWC: Tensor) -> Criterion:
        """The criterion of a batch, whose pictures are uint8 [N, H, W, 3]."""
        distillation, photos = self.recipe.distillation, self.recipe.unlabelled
        criterion = self.labelled
        if self.teacher and distillation:
            criterion = add_teacher(criterion, self.teacher.probabilities(image_NHWC), distillation.weight)
        if photos and views.soft.shape[1]:
            criterion = add_teacher(criterion, views.soft / 255, photos.weight, photos.threshold)
        if photos and photos.consistency:
            own = own_targets(self.average.model, views.plain, views.label, self.contract, self.ignore_index)
            criterion = add_teacher(criterion, own, photos.consistency, photos.threshold)
        return criterion
