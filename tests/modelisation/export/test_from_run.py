"""`export`: a run's folder becomes a bundle whose card says everything that was measured."""

import gc
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from back.runtime.card import HISTORY_FILE, WEIGHTS_FILE, BundleError, read_card, verify_files
from back.runtime.errors import UserError
from modelisation.data.open import open_dataset
from modelisation.evaluation.cost import input_size
from modelisation.evaluation.perturbations import perturbations
from modelisation.export.bundle import read_report
from modelisation.export.from_run import export_run
from modelisation.models import load_bundle_model
from tests.bundles import rewrite_card
from tests.modelisation.runs import run_folder
from tests.modelisation.tiny import write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


DEEPLAB = {
    "architecture": "deeplabv3plus",
    "build": {"encoder_name": "timm-tf_efficientnet_lite0", "encoder_weights": "package"},
}


def test_what_takes_longer_than_a_run_of_a_few_steps_can_be_left_out(data: Path, tmp_path: Path) -> None:
    run_folder(tmp_path / "run")
    bundle = export_run(tmp_path / "run", open_dataset(data, "val"), scores_only=True)
    card, report = read_card(bundle), read_report(bundle)
    verify_files(bundle, card)
    assert card.metrics is not None
    assert report["evaluation"]["miou"] == card.metrics.miou
    assert report["evaluation"]["calibration"]["bins"] == 15
    assert report["evaluation"]["latency"] is None
    assert report["robustness"] is None
    assert card.robustness == card.carries == {}
    rewrite_card(bundle, build=card.build | {"of_another_run": 1})
    with pytest.raises(BundleError, match="differs from that of the trained weights in of_another_run"):
        load_bundle_model(bundle)


def test_weights_that_do_not_tell_how_pretrained_ones_built_their_network_are_refused(data: Path, tmp_path: Path):
    folder = tmp_path / "run"
    run_folder(folder, **DEEPLAB)
    save_file(load_file(folder / WEIGHTS_FILE), folder / WEIGHTS_FILE)
    (folder / "bundle").mkdir()
    (folder / "bundle" / WEIGHTS_FILE).write_bytes(b"of an earlier export")
    with pytest.raises(UserError, match="which pretrained weights decide"):
        export_run(folder, open_dataset(data, "val"))
    assert (folder / "bundle" / WEIGHTS_FILE).read_bytes() == b"of an earlier export"


def test_the_card_holds_scores_and_robustness_and_the_report_calibration(data: Path, tmp_path: Path) -> None:
    val = open_dataset(data, "val")
    run_folder(tmp_path / "run")
    bundle = export_run(tmp_path / "run", val)
    assert gc.isenabled(), "it rests while the network is traced, and only then"
    card, report = read_card(bundle), read_report(bundle)
    verify_files(bundle, card)
    assert card.metrics is not None
    assert card.metrics.split_sha256 == val.split_sha256
    assert tuple(card.robustness) == tuple(perturbations((0, 0, 0)))
    assert report["robustness"]["clean_miou"] == report["evaluation"]["miou"] == card.metrics.miou
    assert report["evaluation"]["calibration"]["bins"] == 15
    assert report["evaluation"]["latency"]["threads"] > 0
    assert card.calibration is not None
    assert (card.calibration.split_sha256, card.calibration.images) == (val.split_sha256, len(val))
    assert card.calibration.nll[1] <= card.calibration.nll[0]
    size = input_size(card.input, (360, 480))
    form = load_bundle_model(bundle).eval().export_form()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        form(torch.zeros(1, 3, *size))
    assert card.multiply_adds == counter.get_total_flops() // 2


def test_a_run_without_a_finished_epoch_is_explained(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_folder(folder)
    (folder / HISTORY_FILE).unlink()
    with pytest.raises(UserError, match="can be exported after its first epoch"):
        export_run(folder, open_dataset(data, "val"))
