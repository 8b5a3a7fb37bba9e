"""What the notebooks call, so that they stay thin: data where none is given, and the figures that they show."""

import gc
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from IPython.core.getipython import get_ipython
from IPython.core.pylabtools import select_figure_formats
from matplotlib.figure import Figure
from tqdm import tqdm

from back.runtime.card import HISTORY_FILE
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample, SegmentationDataset
from modelisation.figures.colours import label_colours
from modelisation.figures.run import add_legend, panel_figure
from modelisation.provenance import REPOSITORY
from modelisation.scenes.writer import write_scenes

# A kernel shows figures as pictures only under matplotlib's inline backend, which a terminal's MPLBACKEND takes away;
# these figures need no backend, only the PNG formatter.
if (_shell := get_ipython()) is not None:
    select_figure_formats(_shell, {"png"})

# Importing what training needs makes a million objects that stay. Looking through them for garbage as often as Python
# does takes two of its six seconds; memory that only a collection can free is small here, and waits for it a little.
gc.set_threshold(100_000)

SCENES = REPOSITORY / ".cache" / "notebook_scenes"
SCENE_COUNTS = {"train": 16, "val": 8}
SCENE_SIZE = (192, 384)
# Overrides that bring a recipe down to seconds: a few steps on small crops.
SHORT_RUN = [
    "epochs=2", "epoch_samples=16", "batch_size=4", "augmentation.crop=[96, 128]", "warmup_steps=2", "scenes=0",
    "workers=0", "ema_decay=0.5", "pixel_budget=24576", "small_crops_first=[]",
]  # fmt: skip


def data_or_scenes(data: str | Path | None) -> Path:
    """The folder given; for None a folder of rendered scenes, drawn once. Says which."""
    if data is not None:
        print(f"Data: {data}")
        return Path(data)
    print(
        f"Data: scenes rendered by this project, no photos ({', '.join(f'{n} {s}' for s, n in SCENE_COUNTS.items())})"
    )
    missing = [s for s, n in SCENE_COUNTS.items() if len(list(SCENES.glob(f"gtFine/{s}/*/*_labelIds.png"))) < n]
    if missing:
        with tqdm(total=sum(SCENE_COUNTS.values()), desc="rendering", unit="img") as bar:
            write_scenes(SCENES, SCENE_COUNTS, *SCENE_SIZE, seed=1, progress=bar.update)
    return SCENES


def samples_figure(samples: Sequence[Sample], taxonomy: Taxonomy) -> Figure:
    """Pictures above their labels; ignored pixels are white."""
    colours = label_colours(taxonomy)
    figure = Figure(figsize=(4 * len(samples), 5), layout="constrained")
    grid = figure.subplots(2, len(samples), squeeze=False)
    for column, sample in zip(grid.T, samples, strict=True):
        for axes, picture in zip(column, (sample.image, colours[sample.label]), strict=True):
            axes.imshow(picture)
            axes.set_axis_off()
        column[0].set_title(sample.name, fontsize=8)
    add_legend(figure, taxonomy)
    return figure


def class_counts(dataset: SegmentationDataset) -> np.ndarray:
    """Labelled pixels of each class over a split, int64 [C], with a progress bar."""
    classes = len(dataset.taxonomy.classes)
    total = np.zeros(classes, np.int64)
    for sample in tqdm(dataset, desc="counting", unit="img", total=len(dataset)):
        total += np.bincount(sample.label.ravel(), minlength=256)[:classes]
    return total


def frequency_figure(counts: np.ndarray, taxonomy: Taxonomy) -> Figure:
    """Share of the labelled pixels of each class, as bars in the classes' colours."""
    share = 100 * counts / max(1, counts.sum())
    figure = Figure(figsize=(8, 0.6 + 0.42 * len(share)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(taxonomy.names, share, color=[[v / 255 for v in c.color] for c in taxonomy.classes])
    axes.bar_label(bars, labels=[f"{v:.1f} %" for v in share], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("share of labelled pixels, %")
    return figure


def location_figure(dataset: SegmentationDataset, size: tuple[int, int] = (45, 60)) -> Figure:
    """For each class, how often each place of the picture shows it (dark: often)."""
    classes = dataset.taxonomy.classes
    heat = np.zeros((len(classes), *size))
    for sample in dataset:
        height, width = sample.label.shape
        rows, columns = np.arange(size[0]) * height // size[0], np.arange(size[1]) * width // size[1]
        small = sample.label[np.ix_(rows, columns)]
        for c in range(len(classes)):
            heat[c] += small == c
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    grid = figure.subplots(-(-len(classes) // 4), 4, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, info, picture in zip(grid.flat, classes, heat, strict=False):
        axes.imshow(picture, cmap="Blues")
        axes.set_title(info.name)
    return figure


def curves_figure(bundle: Path) -> Figure:
    """Losses and scores of a bundle's run, epoch by epoch."""
    metrics = json.loads((bundle / HISTORY_FILE).read_text(encoding="utf-8"))["metrics"]
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    losses, scores, classes = figure.subplots(1, 3)
    ious = [name for name in metrics if name.startswith("val_iou_")]
    for axes, names, title in (
        (losses, ["train_loss", "val_loss"], "loss"),
        (scores, ["val_miou", "val_pixel_accuracy"], "validation scores"),
        (classes, ious, "validation IoU of each class"),
    ):
        for name in names:
            steps, values = zip(*((step, value) for step, value, _ in metrics[name]), strict=True)
            axes.plot(steps, values, marker="o", markersize=3, label=name.removeprefix("val_iou_"))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.legend(fontsize=7)
    return figure


def predictions_figure(answers: Sequence[tuple[Sample, np.ndarray]], taxonomy: Taxonomy, count: int = 3) -> Figure:
    """image | truth | prediction of a few of the answers of `inside.served_labels`."""
    chosen = [answers[i] for i in np.linspace(0, len(answers) - 1, min(count, len(answers))).astype(int)]
    return panel_figure([sample for sample, _ in chosen], [labels_HW for _, labels_HW in chosen], taxonomy)


def models_figure(bundles: Sequence[Path], dataset: SegmentationDataset, count: int = 3) -> Figure:
    """image | truth | a mask of each model, for a few pictures, through the served runtime."""
    samples = _sample_evenly(dataset, count)
    colours = label_colours(dataset.taxonomy)
    predictors = [Predictor.load(bundle) for bundle in bundles]
    figure = Figure(figsize=(4 * (2 + len(predictors)), 2.4 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), 2 + len(predictors), squeeze=False)
    titles = ["image", "truth", *(p.card.name for p in predictors)]
    for row, sample in zip(grid, samples, strict=True):
        masks = [p.predict_array(sample.image).labels_HW for p in predictors]
        pictures = [sample.image, *(colours[labels] for labels in (sample.label, *masks))]
        for axes, picture, title in zip(row, pictures, titles, strict=True):
            axes.imshow(picture)
            axes.set_title(title)
            axes.set_axis_off()
    return figure


def _sample_evenly(dataset: SegmentationDataset, count: int) -> list[Sample]:
    """A few samples from all over the split."""
    return [dataset[i] for i in np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)]
