"""`robustness` on rendered scenes, with a network that knows colours alone."""

import json
from pathlib import Path

import pytest

from back.runtime.card import read_card, verify_files
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.perturbations import perturbations
from modelisation.evaluation.robustness import measure_robustness
from modelisation.export.bundle import points_lost, read_report, store_robustness
from modelisation.reports.evaluation import format_robustness
from modelisation.scenes.writer import write_scenes
from tests.bundles import make_bundle

NAMES = tuple(perturbations((0, 0, 0)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, {"val": 3}, 96, 160, 7, None)
    return root


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, pixel_budget=96 * 160)


def test_every_perturbation_is_set_against_the_clean_score(bundle: Path, data: Path) -> None:
    dataset = open_dataset(data, "val")
    report = measure_robustness(Predictor.load(bundle), dataset)
    assert report["clean_miou"] == evaluate(bundle, dataset, EvaluationOptions(latency_runs=0))["miou"]
    assert tuple(report["perturbations"]) == NAMES
    for scores in report["perturbations"].values():
        assert scores["points_lost"] == pytest.approx(100 * (report["clean_miou"] - scores["miou"]))
    # The network labels the nearest colour, and this light moves every colour.
    assert report["perturbations"]["brightness × 0.8"]["miou"] != report["clean_miou"]
    assert (report["images"], report["split"]) == (3, "val")
    json.dumps(report, allow_nan=False)


def test_same_seed_gives_the_same_report(bundle: Path, data: Path) -> None:
    dataset = open_dataset(data, "val")
    predictor = Predictor.load(bundle)
    assert measure_robustness(predictor, dataset) == measure_robustness(predictor, dataset)
    other = measure_robustness(predictor, dataset, seed=1)["perturbations"]
    assert other != measure_robustness(predictor, dataset)["perturbations"]


def test_stored_table_leaves_a_bundle_that_verifies(bundle: Path, data: Path) -> None:
    before = read_report(bundle)
    report = measure_robustness(Predictor.load(bundle), open_dataset(data, "val"))
    store_robustness(bundle, report)
    card = read_card(bundle)
    verify_files(bundle, card)
    assert card.robustness == points_lost(report)
    assert tuple(card.robustness) == NAMES
    assert read_report(bundle) == before | {"robustness": report}


def test_text_gives_every_loss(bundle: Path, data: Path) -> None:
    report = measure_robustness(Predictor.load(bundle), open_dataset(data, "val"))
    text = format_robustness(report)
    for name, scores in report["perturbations"].items():
        assert f"| {name} | {100 * scores['miou']:.2f} | {scores['points_lost']:.2f} |" in text


def test_other_taxonomy_is_refused(bundle: Path, data: Path) -> None:
    with pytest.raises(UserError, match="labelled in cityscapes19"):
        measure_robustness(Predictor.load(bundle), open_dataset(data, "val", "cityscapes19"))
