"""Figures of a run: confusion matrix, and rows of image | truth | prediction."""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from back.runtime.scores.confusion import Counts
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample
from modelisation.figures.colours import label_colours

matplotlib.use("Agg")
_MOST_INCHES = 42.0  # of a confusion matrix, which 255 classes would make a wall of


def confusion_figure(matrix: Counts, names: Sequence[str]) -> Figure:
    """Confusion matrix as shares of each true class (rows), with the percentages written in.

    Args:
        matrix: int64 [C, C], rows truth, columns prediction.
        names: of the classes.
    """
    rows = matrix.sum(1, keepdims=True)
    share = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    size = min(2.5 + 0.62 * len(names), _MOST_INCHES)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=45, ha="right")
    axes.set_yticks(ticks, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for y, x in np.ndindex(matrix.shape):
        if share[y, x] >= 0.005:
            shade = "white" if share[y, x] > 0.5 else "black"
            axes.text(x, y, f"{100 * share[y, x]:.0f}", ha="center", va="center", color=shade)
    axes.set_title("Share of each true class, %")
    return figure


def png_of(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file, 120 dots an inch."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def panel_figure(samples: Sequence[Sample], predictions: Sequence[np.ndarray], taxonomy: Taxonomy) -> Figure:
    """One row a sample: image, truth, prediction, with a legend of the classes; ignored pixels are white.

    Args:
        samples: pictures with their label maps.
        predictions: uint8 [H, W] label map of each.
    """
    colours = label_colours(taxonomy)
    figure = Figure(figsize=(12, 0.8 + 3 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), 3, squeeze=False)
    for row, sample, prediction in zip(grid, samples, predictions, strict=True):
        pictures = (sample.image, colours[sample.label], colours[prediction])
        for axes, picture, title in zip(row, pictures, ("image", "truth", "prediction"), strict=True):
            axes.imshow(picture)
            axes.set_title(title)
            axes.set_axis_off()
    add_legend(figure, taxonomy)
    return figure


def add_legend(figure: Figure, taxonomy: Taxonomy) -> None:
    """The classes and their colours, below the figure."""
    patches = [Patch(color="#{:02x}{:02x}{:02x}".format(*c.color), label=c.name) for c in taxonomy.classes]
    figure.legend(handles=patches, loc="outside lower center", ncols=8)
