"""`robustness` on rendered scenes, with a network that knows colours alone."""

import argparse
import json
from pathlib import Path

import pytest

from back.runtime.card import read_card, verify_files
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.perturbations import perturbations
from modelisation.evaluation.robustness import (
    RobustnessError,
    add_arguments,
    format_robustness,
    measure_robustness,
    points_lost,
    run,
    store_robustness,
)
from modelisation.export.gate import read_report
from modelisation.scenes.writer import write_scenes
from tests.bundles import make_bundle, rewrite_card

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
    with pytest.raises(RobustnessError, match="labelled in cityscapes19"):
        measure_robustness(Predictor.load(bundle), open_dataset(data, "val", "cityscapes19"))


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_writes_the_table_into_the_card(bundle: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = read_card(bundle).metrics
    assert metrics is not None
    same = metrics.model_copy(update={"split_sha256": open_dataset(data, "val").split_sha256})
    rewrite_card(bundle, metrics=same.model_dump())
    assert run(parse(str(bundle), "--data", str(data))) == 0
    assert "| JPEG quality 40 |" in capsys.readouterr().out
    assert tuple(read_card(bundle).robustness) == NAMES


def test_command_stores_nothing_of_another_split_than_the_cards(bundle: Path, data: Path) -> None:
    with pytest.raises(RobustnessError, match="card reports scenes val; measure the same split"):
        run(parse(str(bundle), "--data", str(data)))
    assert run(parse(str(bundle), "--data", str(data), "--no-store")) == 0
    assert read_card(bundle).robustness == {}
