"""`export`: a run's folder becomes a bundle whose card says everything that was measured."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from back.runtime.card import HISTORY_FILE, WEIGHTS_FILE, BundleError, TrainingRecord, read_card, verify_files
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation.cost import input_size
from modelisation.evaluation.perturbations import perturbations
from modelisation.export.bundle import read_report
from modelisation.export.from_run import RECIPE_COPY, export_run, save_run
from modelisation.models import load_bundle_model
from modelisation.models.base import SegmentationModel
from modelisation.models.predict import normalise
from modelisation.recipe import Recipe
from modelisation.scenes.render import render_scene
from modelisation.training.setup import build_from_recipe, input_contract
from tests.bundles import rewrite_card
from tests.modelisation.tiny import SEGFORMER, TINY, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


BUILDS = {
    "deeplabv3plus": {"encoder_name": "timm-tf_efficientnet_lite0", "encoder_weights": "package"},
    "segformer": SEGFORMER["build"],
    "convolutions": TINY["build"],
}


def run_folder(folder: Path, architecture: str = "convolutions") -> Path:
    """What a training run leaves, with weights as they begin."""
    return run_of(
        Recipe.model_validate(TINY | {"architecture": architecture, "build": BUILDS[architecture]}), folder
    )[0]


def run_of(recipe: Recipe, folder: Path) -> tuple[Path, SegmentationModel]:
    """A run's folder, and the network in the trainer's memory."""
    folder.mkdir()
    (folder / RECIPE_COPY).write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
    (folder / HISTORY_FILE).write_text(json.dumps({"run_id": "0" * 32}), encoding="utf-8")
    record = TrainingRecord(
        run_id="0" * 32,
        git_commit="0" * 40,
        git_dirty=False,
        seed=0,
        recipe=recipe.model_dump(mode="json"),
        dataset="scenes",
        split="train",
        split_sha256="0" * 64,
        data_licence="MIT",
        weights_licence="MIT",
        initialisation="random",
        epochs=1,
        steps=1,
        wall_time_s=1.0,
        packages={},
    )
    model = build_from_recipe(recipe)
    save_run(model, input_contract(model, recipe), record, folder)
    return folder, model


@pytest.mark.parametrize("architecture", sorted(BUILDS))
def test_the_network_in_the_trainers_memory_is_the_one_that_is_served(data: Path, tmp_path: Path, architecture: str):
    recipe = Recipe.model_validate(TINY | {"architecture": architecture, "build": BUILDS[architecture]})
    folder, model = run_of(recipe, tmp_path / "run")
    bundle = export_run(folder, open_dataset(data, "val"), scores_only=True)
    verify_files(bundle, read_card(bundle))
    check_scores_alone(bundle)  # here, since exporting takes half a minute
    predictor = Predictor.load(bundle, precision="fp32")
    image = render_scene(7, 64, 128).image[None].copy()
    with torch.no_grad():
        pixels = normalise(torch.from_numpy(image), predictor.card.input)
        expected = model.eval()(pixels)[0].numpy()
        again = load_bundle_model(bundle)(pixels)[0].numpy()
    assert np.abs(predictor.engine.run(image) - expected).max() <= 1e-3 * np.ptp(expected)
    assert np.abs(again - expected).max() <= 1e-4 * np.ptp(expected)
    rewrite_card(bundle, build=read_card(bundle).build | {"of_another_run": 1})
    with pytest.raises(BundleError, match="differs from that of the trained weights in of_another_run"):
        load_bundle_model(bundle)


def test_weights_that_do_not_tell_how_pretrained_ones_built_their_network_are_refused(data: Path, tmp_path: Path):
    folder = run_folder(tmp_path / "run", "deeplabv3plus")
    save_file(load_file(folder / WEIGHTS_FILE), folder / WEIGHTS_FILE)
    (folder / "bundle").mkdir()
    (folder / "bundle" / WEIGHTS_FILE).write_bytes(b"of an earlier export")
    with pytest.raises(UserError, match="which pretrained weights decide"):
        export_run(folder, open_dataset(data, "val"))
    assert (folder / "bundle" / WEIGHTS_FILE).read_bytes() == b"of an earlier export"


def test_the_card_holds_scores_and_robustness_and_the_report_calibration(data: Path, tmp_path: Path) -> None:
    val = open_dataset(data, "val")
    bundle = export_run(run_folder(tmp_path / "run"), val)
    assert gc.isenabled(), "it rests while the network is traced, and only then"
    card, report = read_card(bundle), read_report(bundle)
    verify_files(bundle, card)
    assert card.metrics is not None
    assert card.metrics.split_sha256 == val.split_sha256
    assert tuple(card.robustness) == tuple(perturbations((0, 0, 0)))
    assert report["robustness"]["clean_miou"] == report["evaluation"]["miou"] == card.metrics.miou
    assert report["evaluation"]["calibration"]["bins"] == 15
    assert report["evaluation"]["latency"]["threads"] > 0
    size = input_size(card.input, (360, 480))
    form = load_bundle_model(bundle).eval().export_form()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        form(torch.zeros(1, 3, *size))
    assert card.multiply_adds == counter.get_total_flops() // 2


def check_scores_alone(bundle: Path) -> None:
    """What takes longer than a run of a few steps is left out."""
    card, report = read_card(bundle), read_report(bundle)
    assert card.metrics is not None
    assert report["evaluation"]["miou"] == card.metrics.miou
    assert report["evaluation"]["calibration"]["bins"] == 15
    assert report["evaluation"]["latency"] is None
    assert report["robustness"] is None
    assert card.robustness == card.carries == {}


def test_a_run_without_a_finished_epoch_is_explained(data: Path, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / HISTORY_FILE).unlink()
    with pytest.raises(UserError, match="can be exported after its first epoch"):
        export_run(folder, open_dataset(data, "val"))
