"""What the training notebooks show of the inside: the crops that are learnt from, the network's parts, the loss, the
worst pictures."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from back.runtime.card import InputContract, read_card
from back.runtime.imaging import plan_resize
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample, SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.figures.colours import label_colours
from modelisation.figures.run import add_legend
from modelisation.models.base import SegmentationModel
from modelisation.models.mask2former import Mask2Former
from modelisation.models.predict import normalise
from modelisation.recipe import Loss, Recipe
from modelisation.reports.markdown import table
from modelisation.training.loss import make_criterion
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.boards import BoardPaster
from modelisation.training.samples.copy_paste import Paster
from modelisation.training.setup import input_contract

# A picture of the toy example: 256 pixels, 16 of them a pedestrian.
_SIDE, _PEDESTRIAN_ROWS = 16, 1
_MOST_PICTURES = 100
_MOST_QUERIES = 5


def crops_figure(recipe: Recipe, dataset: SegmentationDataset, network: SegmentationModel, count: int = 4) -> Figure:
    """Crops as training makes them, above their labels; ignored pixels are white.

    Args:
        recipe: whose augmentation it is; that of the last epochs, where there are several.
        dataset: pictures to crop, the first `count`, each cropped anew where there are fewer.
        network: that they are for; its contract decides how large a picture is before the crop.
    """
    taxonomy = dataset.taxonomy
    _, augmentation = recipe.augmentations()[-1]
    samples = [dataset[i % len(dataset)] for i in range(count)]
    paste = augmentation.copy_paste
    transform = TrainingTransform(
        augmentation,
        network.mean,
        taxonomy.ignore_index,
        Paster(samples, paste, taxonomy) if paste else None,
        contract=input_contract(network, recipe),
        boards=BoardPaster.of(samples, augmentation, taxonomy),
    )
    colours = label_colours(taxonomy)
    figure = Figure(figsize=(4 * count, 5.6), layout="constrained")
    for seed, (column, sample) in enumerate(zip(figure.subplots(2, count, squeeze=False).T, samples, strict=True)):
        views = transform(sample, seed)
        for axes, picture in zip(column, (views.image.permute(1, 2, 0), colours[views.label]), strict=True):
            axes.imshow(picture)
            axes.set_axis_off()
        column[0].set_title(sample.name, fontsize=8)
    add_legend(figure, taxonomy)
    return figure


@torch.no_grad()
def parts_table(network: SegmentationModel, crop: tuple[int, int]) -> str:
    """The network's parts in the order in which a crop has passed them, as a Markdown table with what they give.

    Args:
        network: as it is trained; it is put into eval mode.
        crop: height and width in pixels.
    """
    rows: list[tuple[str, str, str, str]] = []

    def note(name: str, kind: str, output: object, parameters: Iterable[nn.Parameter]) -> None:
        rows.append((name, kind, _shape(output), f"{sum(p.numel() for p in parameters):,}"))

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        return lambda part, _, output: note(f"`{name}`", type(part).__name__, output, part.parameters())

    hooks = [
        part.register_forward_hook(hook(name)) for name, part in network.named_modules() if _is_shown(name, part)
    ]
    try:
        scores = network.eval()(torch.zeros(1, 3, *crop))
    finally:
        for handle in hooks:
            handle.remove()
    note("scores", "", scores, network.parameters())
    return "\n".join(table(("part", "kind", "gives, channels × height × width", "parameters"), rows))


def _is_shown(name: str, part: nn.Module) -> bool:
    """Parts that learn, two to four levels down; of norms and of what lies deeper there are too many to read."""
    learns = any(True for _ in part.parameters()) and "Norm" not in type(part).__name__
    return learns and 2 <= len(name.split(".")) <= 4


def _shape(output: object) -> str:
    """Sizes of a module's output without the batch; of the last one where it gives several."""
    while not isinstance(output, Tensor):
        if isinstance(output, dict):
            output = tuple(output.values())
        if not isinstance(output, (tuple, list)) or not output:
            return "—"
        output = output[-1]
    return " × ".join(str(side) for side in output.shape[1:])


def loss_figure(weights: Loss) -> Figure:
    """What a recipe's loss says of a toy picture: mostly road, which is right, and one row of pedestrian.

    The score of the pedestrian's pixels goes from clearly road to clearly pedestrian. Cross-entropy counts pixels, so
    a class of one sixteenth weighs one sixteenth; Dice and Lovász count overlap, so it weighs half.
    """
    label_NHW = torch.zeros(1, _SIDE, _SIDE, dtype=torch.long)
    label_NHW[:, :_PEDESTRIAN_ROWS] = 1
    margins = torch.linspace(-4, 4, 41)
    parts = {"cross_entropy": "cross-entropy", "dice": "Dice", "lovasz": "Lovász"}
    shown = {f"{words} × {w:g}": {name: w} for name, words in parts.items() if (w := getattr(weights, name))}
    none = dict.fromkeys(parts, 0.0)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for words, part in shown.items():
        _draw(axes, margins, label_NHW, weights.model_copy(update=none | part), words)
    if len(shown) > 1:
        _draw(axes, margins, label_NHW, weights, "all together", linewidth=3)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("score of pedestrian less score of road, on the pedestrian's pixels")
    axes.set_ylabel("loss")
    axes.legend()
    return figure


def _draw(axes, margins: Tensor, label_NHW: Tensor, weights: Loss, words: str, **style: float) -> None:  # type: ignore[no-untyped-def]
    criterion = make_criterion(weights, 255)
    losses = []
    for margin in margins:
        scores_NCHW = torch.zeros(1, 2, _SIDE, _SIDE)
        scores_NCHW[:, 0, _PEDESTRIAN_ROWS:] = 4
        scores_NCHW[:, 1, :_PEDESTRIAN_ROWS] = margin
        losses.append(float(criterion(scores_NCHW, label_NHW)))
    axes.plot(margins, losses, label=words, **style)


@torch.no_grad()
def queries_figure(network: Mask2Former, contract: InputContract, sample: Sample, taxonomy: Taxonomy) -> Figure:
    """The queries of a Mask2Former that say most about a picture: each one's mask (dark: sure) and its class.

    A query says as much as its mask is large and its class sure; the `_MOST_QUERIES` that say most are shown.
    """
    height, width, _ = sample.image.shape
    plan = plan_resize(height, width, contract, None)
    shape = (plan.padded_height, plan.padded_width)
    image = torch.from_numpy(np.array(Image.fromarray(sample.image).resize((shape[1], shape[0]))))[None]
    class_logits, mask_logits = network.eval().queries(normalise(image, contract))
    class_QL, masks_QHW = class_logits[0].softmax(-1)[:, :-1], mask_logits[0].sigmoid()
    said_Q = masks_QHW.mean((1, 2)) * class_QL.max(-1).values
    chosen = said_Q.argsort(descending=True)[:_MOST_QUERIES].tolist()
    figure = Figure(figsize=(3.2 * (1 + len(chosen)), 2.8), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(chosen))
    first.imshow(sample.image)
    first.set_title(sample.name, fontsize=8)
    for axes, query in zip(others, chosen, strict=True):
        sure, index = class_QL[query].max(-1)
        axes.imshow(masks_QHW[query], cmap="Blues", vmin=0, vmax=1)
        axes.set_title(f"query {query}: {taxonomy.names[int(index)]}, {100 * float(sure):.0f} % sure", fontsize=8)
    for axes in (first, *others):
        axes.set_axis_off()
    return figure


def served_labels(bundle: Path, data: Path, split: str) -> list[tuple[Sample, np.ndarray]]:
    """Pictures of a split, at most a hundred from all over it, each with the served model's labels uint8 [H, W]."""
    dataset = open_dataset(data, split, read_card(bundle).taxonomy)
    predictor = Predictor.load(bundle)
    chosen = np.linspace(0, len(dataset) - 1, min(_MOST_PICTURES, len(dataset))).astype(int)
    samples = (dataset[i] for i in chosen)
    return [
        (s, predictor.predict_array(s.image).labels_HW) for s in tqdm(samples, "labelling", len(chosen), unit="img")
    ]


def worst_figure(answers: Sequence[tuple[Sample, np.ndarray]], taxonomy: Taxonomy, count: int = 3) -> Figure:
    """image | truth | prediction | errors of the pictures with the largest share of wrong pixels.

    Errors are red, what is right is grey, what is not labelled is white.
    """
    wrong = [_error_share(sample.label, labels_HW, taxonomy.ignore_index) for sample, labels_HW in answers]
    worst = sorted(range(len(answers)), key=lambda i: -wrong[i])[:count]
    colours = label_colours(taxonomy)
    figure = Figure(figsize=(16, 0.8 + 2.9 * len(worst)), layout="constrained")
    for row, index in zip(figure.subplots(len(worst), 4, squeeze=False), worst, strict=True):
        sample, labels_HW = answers[index]
        errors = np.full((*labels_HW.shape, 3), 200, np.uint8)
        errors[labels_HW != sample.label] = (214, 39, 40)
        errors[sample.label == taxonomy.ignore_index] = 255
        pictures = (sample.image, colours[sample.label], colours[labels_HW], errors)
        titles = (sample.name, "truth", "prediction", f"{100 * wrong[index]:.0f} % of the labelled pixels are wrong")
        for axes, picture, title in zip(row, pictures, titles, strict=True):
            axes.imshow(picture)
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
    add_legend(figure, taxonomy)
    return figure


def _error_share(label_HW: np.ndarray, labels_HW: np.ndarray, ignore_index: int) -> float:
    labelled = label_HW != ignore_index
    return float((labels_HW != label_HW)[labelled].mean()) if labelled.any() else 0.0
