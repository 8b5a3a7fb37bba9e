"""Learning from photos without labels: a teacher's probabilities, and agreement with oneself under other colours.

Soft targets: Hinton et al., 2015, arXiv:1503.02531. Confidence threshold, and a weakly changed view that labels a
strongly changed one: Sohn et al., FixMatch, NeurIPS 2020, arXiv:2001.07685. The averaged network as its own teacher:
Tarvainen and Valpola, NeurIPS 2017, arXiv:1703.01780.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from back.runtime.card import InputContract, TeacherRecord
from back.runtime.errors import UserError
from back.runtime.layouts.listing import IMAGE_SUFFIXES, Listing, scan, sentences
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample, SegmentationDataset, read_rgb
from modelisation.data.items import say
from modelisation.evaluation.metrics import scores_of
from modelisation.models.base import SegmentationModel
from modelisation.models.predict import normalise, predict_labels
from modelisation.processes import ranks
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Recipe, Unlabelled
from modelisation.training.samples.geometry import SOFT_STEP
from modelisation.training.samples.photos import UnlabelledPhotos
from modelisation.training.samples.soft import SoftSample
from modelisation.training.teachers.kept import KeptScores, open_teacher
from modelisation.training.validate import total_matrix


@dataclass(frozen=True)
class UnlabelledData:
    """The photos of a run.

    Attributes:
        photos: to learn from.
        held_out: files that only measure, with the teacher's probabilities uint8 [h, w, C].
        listing: names of both, for the run's record.
        teacher: which it was; None where the network teaches itself alone.
        scores: the teacher's scores, for labelled pictures too.
    """

    photos: UnlabelledPhotos
    held_out: Sequence[tuple[Path, np.ndarray]]
    listing: dict[str, list[str]]
    teacher: TeacherRecord | None
    scores: KeptScores | None

    @property
    def sha256(self) -> str:
        """Of the sorted names of the photos that are learnt from."""
        return hashlib.sha256("\n".join(sorted(self.listing["learnt from"])).encode()).hexdigest()


def open_unlabelled(recipe: Recipe, contract: InputContract, taxonomy: Taxonomy) -> UnlabelledData | None:
    """The photos that a recipe names; None where it names none.

    Raises:
        UserError: the folder is missing or holds no photo, one cannot be read, or the teacher cannot teach these
            classes.
    """
    settings = recipe.unlabelled
    if settings is None:
        return None
    folder = REPOSITORY / settings.folder
    found = scan(folder, IMAGE_SUFFIXES)
    for sentence in sentences(Listing((), found.left_out)):
        say(sentence)
    files = list(found.files.values())
    if not files:
        raise UserError(f"unlabelled.folder {folder}: holds no photo ({', '.join(IMAGE_SUFFIXES)}) directly in it")
    scores = None
    if settings.teacher:
        scores = open_teacher(REPOSITORY / settings.teacher, taxonomy, settings.teacher_licence)
    with ranks.in_turn():  # what the teacher says is kept on the disk
        soft = scores.load(files) if scores else None
    held = [_is_held_out(file, settings.held_out) for file in files]
    learnt = [i for i, out in enumerate(held) if not out]
    if not learnt:
        raise UserError(f"unlabelled.folder {folder}: all of its photos ({len(files)}) are held out; lower held_out")
    largest = max(augmentation.scale[1] for _, augmentation in recipe.augmentations())
    photos = UnlabelledPhotos(
        [files[i] for i in learnt],
        [soft[i] for i in learnt] if soft else None,
        contract,
        largest,
        taxonomy.ignore_index,
    )
    kept_back = [i for i, out in enumerate(held) if out]
    return UnlabelledData(
        photos,
        [(files[i], soft[i]) for i in kept_back] if soft else [],
        {"learnt from": [files[i].name for i in learnt], "held out": [files[i].name for i in kept_back]},
        scores.record if scores else None,
        scores,
    )


def _is_held_out(file: Path, share: float) -> bool:
    """By the name alone, so that a photo that is added moves no other to the other side."""
    digest = hashlib.sha256(file.name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:4], "big") < share * 2**32


def with_teacher(
    samples: Sequence[Sample], dataset: SegmentationDataset, data: UnlabelledData | None
) -> Sequence[Sample]:
    """Labelled samples with the teacher's word on them beside their labels, where the recipe has one."""
    if data is None or data.scores is None:
        return samples
    with ranks.in_turn():
        return _WithSoft(samples, data.scores.load([item.image for item in dataset.items]))


class _WithSoft(Sequence[Sample]):
    def __init__(self, samples: Sequence[Sample], soft: Sequence[np.ndarray]) -> None:
        self._samples, self._soft = samples, soft

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        sample = self._samples[index]
        return SoftSample(sample.image, sample.label, sample.name, self._soft[index])


@torch.no_grad()
def own_targets(
    model: SegmentationModel, plain_NCHW: Tensor, label_NHW: Tensor, contract: InputContract, ignore_index: int
) -> Tensor:
    """What a network says of the unlabelled crops of a batch, float32 [N, C, H / 2, W / 2]; 0 for the labelled ones.

    Args:
        model: the averaged network, which is never trained itself; it is put into eval mode.
        plain_NCHW: uint8, the crops in their own colours.
        label_NHW: int64 or uint8; a crop without a labelled pixel is unlabelled.
        contract: of the network's input.
        ignore_index: of the labels.
    """
    n, _, height, width = plain_NCHW.shape
    targets = torch.zeros((n, model.num_classes, height // SOFT_STEP, width // SOFT_STEP), device=plain_NCHW.device)
    unlabelled = (label_NHW == ignore_index).flatten(1).all(1)
    if unlabelled.any():
        model.eval()
        image_NCHW = normalise(plain_NCHW[unlabelled].permute(0, 2, 3, 1), contract)
        scores_NCHW = model.dense_scores(image_NCHW.contiguous(memory_format=torch.channels_last))
        targets[unlabelled] = scores_NCHW[..., ::SOFT_STEP, ::SOFT_STEP].float().softmax(1)
    return targets


@torch.no_grad()
def agreement_with_teacher(
    model: SegmentationModel, data: UnlabelledData, settings: Unlabelled, contract: InputContract, taxonomy: Taxonomy
) -> float | None:
    """Mean IoU with the teacher's labels on the photos that were held out, where it is sure; None where there are
    none.

    The teacher is no truth. What it says of other cameras' photos still tells runs apart that a validation on one
    camera cannot.
    """
    was_training = model.training
    model.eval()
    classes = len(taxonomy.classes)
    matrix = np.zeros((classes, classes), np.int64)
    for file, soft_hwC in ranks.mine(data.held_out):
        labels_HW, _ = predict_labels(model, read_rgb(file), contract)
        high, wide = soft_hwC.shape[:2]
        rows = ((np.arange(high) + 0.5) / high * labels_HW.shape[0]).astype(int)
        columns = ((np.arange(wide) + 0.5) / wide * labels_HW.shape[1]).astype(int)
        taught_hw = soft_hwC.argmax(-1).astype(np.uint8)
        taught_hw[soft_hwC.max(-1) < settings.threshold * 255] = taxonomy.ignore_index
        matrix += confusion_matrix(taught_hw, np.ascontiguousarray(labels_HW[np.ix_(rows, columns)]), classes)
    model.train(was_training)
    score = scores_of(total_matrix(matrix, model), taxonomy)["miou"]
    return None if score is None else float(score)
