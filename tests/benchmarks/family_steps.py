"""What is measured of one family: every cell of its row by doing what it is about."""

import argparse
import contextlib
import importlib
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from back.runtime.card import Card, read_card
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import IGNORE
from modelisation.data.base import SegmentationDataset
from modelisation.export.bundle import read_report
from modelisation.export.from_run import export_run
from modelisation.export.gate import LIBRARY_PARITY
from modelisation.export.parity import check_parity
from modelisation.models.base import SegmentationModel
from modelisation.recipe import Recipe
from modelisation.training.loss import make_criterion
from modelisation.training.setup import begin_with, build_from_recipe
from tests.benchmarks.failures import sentence
from tests.benchmarks.family_nets import Family, Make
from tests.modelisation.runs import run_folder
from tests.modelisation.tiny import TINY

PIXEL_BUDGET = 512 * 256
_ENGINES = ("openvino", "onnxruntime")
_CROP = 128  # pixels a side of the two pictures of the training step
Row = dict[str, Any]
Cell = dict[str, Any]


def measure_family(
    family: Family, scratch: Path, data: SegmentationDataset, told: Callable[[str], object]
) -> tuple[Row, Predictor | None]:
    """A row without its time, and the model in OpenVINO for that; None where it is not served.

    Each cell is `{"value": …}`, with None where there is nothing to measure, or `{"failed": why}`.

    Args:
        scratch: an empty folder.
        data: labelled scenes in `street8`.
        told: called with what is done next.
    """
    row: Row = {"family": family.name}
    bundle, predictor = scratch / "bundle", None

    def measure(cell: str, work: Callable[[], Any]) -> None:
        told(f"{family.name}: {cell}")
        row[cell] = attempt(work)

    if family.make is None:
        recipe = Recipe.model_validate(TINY | (family.recipe or {}) | {"pixel_budget": PIXEL_BUDGET})
        row["import"] = {"value": None}
        measure("train", lambda: train_step(recipe, data))
        measure("export", lambda: size_of(read_card(export_fresh(recipe, scratch / "run", data, bundle))))
        row["agreement"] = {"value": None}
    else:
        make = family.make
        measure("import", lambda: import_seconds(make, scratch, bundle, data.items[0].image.parent))
        if "failed" in row["import"]:
            return row, None
        measure("train", lambda: train_step(begin_with(Recipe.model_validate(TINY), bundle), data))
        measure("export", lambda: size_of(read_card(bundle)))
        measure("agreement", lambda: library_agreement(bundle))
    if "failed" in row["export"]:
        return row, None
    for engine in _ENGINES:
        measure(engine, lambda engine=engine: share_of_equal_labels(bundle, data, engine))
    if "failed" not in row["openvino"]:
        predictor = Predictor.load(bundle, engine="openvino", precision="fp32", threads=1)
        row["classes_seen"] = classes_seen(predictor, data)
    return row, predictor


def attempt(work: Callable[[], Any]) -> Cell:
    """The cell of what the work gives, or of why it fails."""
    try:
        return {"value": work()}
    except Exception as error:  # whatever a library raises, the other cells are measured
        reason = sentence(error)
        return {"failed": reason.removeprefix("UserError: ")}


def import_seconds(make: Make, scratch: Path, bundle: Path, photos: Path) -> float:
    """Make a network and run the command `import` on it, its comparison with the library included."""
    (source := scratch / "source").mkdir()
    arguments = make(source)
    command = importlib.import_module("modelisation.commands.import")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    wishes = ["--name", "tried", "--classes", "street8", "--pixel-budget", str(PIXEL_BUDGET)]
    kept = ["--photos", str(photos), "--no-register", "--out", str(bundle)]
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        command.run(parser.parse_args([*arguments, *wishes, *kept]))
    return round(time.perf_counter() - start, 2)


def export_fresh(recipe: Recipe, run: Path, data: SegmentationDataset, bundle: Path) -> Path:
    """The bundle of a run of an architecture of ours, as `export` makes it."""
    torch.manual_seed(0)
    run_folder(run, **recipe.model_dump(mode="json"))
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar would cut this benchmark's in two
        export_run(run, data, scores_only=True).rename(bundle)
    return bundle


def train_step(recipe: Recipe, data: SegmentationDataset) -> float:
    """Seconds of the second of two training steps with the loss of the network itself.

    Raises:
        UserError: it cannot be trained.
        ArithmeticError: the loss or a gradient is not finite, or no parameter has one.
    """
    torch.manual_seed(0)
    model = build_from_recipe(recipe, data.taxonomy).train()
    image, label = _batch(model, data)
    criterion = make_criterion(recipe.loss, IGNORE)
    optimiser = torch.optim.AdamW(model.parameter_groups(1e-4, 1.0, 0.01))
    seconds = math.nan
    for _ in range(2):  # the first one allocates
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = model.loss(image, label, criterion)
        loss.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if not gradients or not loss.isfinite() or not all(bool(g.isfinite().all()) for g in gradients):
            raise ArithmeticError("the loss or its gradient is not finite")
        if not any(bool(g.any()) for g in gradients):
            raise ArithmeticError("every gradient is zero")
        optimiser.step()
        seconds = time.perf_counter() - start
    return round(seconds, 3)


def _batch(model: SegmentationModel, data: SegmentationDataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Two normalised pictures float32 [2, 3, h, w] and their labels int64 [2, h, w]."""
    samples = [data[i] for i in range(2)]
    images = torch.from_numpy(np.stack([s.image[-_CROP:, :_CROP] for s in samples]))
    labels = torch.from_numpy(np.stack([s.label[-_CROP:, :_CROP] for s in samples])).long()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (model.mean, model.std))
    return (images.permute(0, 3, 1, 2).float() / 255 - mean) / std, labels


def size_of(card: Card) -> list[int] | str:
    """`open`, or the height and width that the graph takes."""
    return "open" if card.input.fixed_size is None else list(card.input.fixed_size)


def library_agreement(bundle: Path) -> float:
    """The lowest share of pixels with the library's label, of both engines and all scenes that `import` compared."""
    report = read_report(bundle)[LIBRARY_PARITY]
    return min(share for engine in report["engines"] for share in engine["agreement"].values())


def share_of_equal_labels(bundle: Path, data: SegmentationDataset, engine: Any) -> float:
    """Share of the pixels that an engine labels as PyTorch does, from the file's bytes on, in float32."""
    report = check_parity(bundle, data, engines=((engine, "fp32"),))
    if report["skipped"]:
        raise RuntimeError(report["skipped"][0]["reason"])
    return float(report["engines"][0]["pixel_agreement"])


def classes_seen(predictor: Predictor, data: SegmentationDataset) -> int:
    """How many classes the labels of the scenes hold: an agreement on one class alone would say little."""
    return len(set().union(*(np.unique(predictor.predict_array(data[i].image).labels_HW) for i in range(len(data)))))
