"""`budget`: the curve of mIoU against cost, with a network whose answer is known."""

import json
from pathlib import Path

import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import STREET8
from modelisation.data.open import open_dataset
from modelisation.evaluation.budget import budget_curve
from modelisation.reports.choices import format_budget
from tests.bundles import make_bundle, paint, stripes

BUDGETS = (64 * 128, 32 * 64, 128 * 256)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundles", pixel_budget=64 * 128)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures of fine stripes, which only large inputs can tell apart."""
    for name in ("images", "labels"):
        (tmp_path / "data" / "dev" / name).mkdir(parents=True)
    for i in range(3):
        labels = (stripes(128, 256, 64) + i) % 8
        Image.fromarray(paint(labels, STREET8)).save(tmp_path / "data" / "dev" / "images" / f"{i}.png")
        Image.fromarray(labels).save(tmp_path / "data" / "dev" / "labels" / f"{i}.png")
    return tmp_path / "data"


def test_larger_budgets_cost_more_and_score_better_on_fine_detail(bundle: Path, data: Path) -> None:
    report = budget_curve(bundle, Predictor.load(bundle), open_dataset(data, "dev"), BUDGETS)
    curve = report["curve"]
    assert [point["pixel_budget"] for point in curve] == sorted(BUDGETS)
    assert [point["input"] for point in curve] == [[32, 64], [64, 128], [128, 256]]
    assert [point["multiply_adds"] for point in curve] == [3 * 8 * budget // 16 for budget in sorted(BUDGETS)]
    assert curve[0]["miou"] < curve[1]["miou"] < curve[2]["miou"]
    assert all(point["ms_p50"] > 0 for point in curve)
    assert (report["card_budget"], report["split"], report["images"]) == (64 * 128, "dev", 3)
    json.dumps(report, allow_nan=False)


def test_table_marks_the_cards_own_budget(bundle: Path, data: Path) -> None:
    report = budget_curve(bundle, Predictor.load(bundle), open_dataset(data, "dev"), BUDGETS)
    lines = format_budget(report).splitlines()
    assert lines[3].startswith(f"| 8,192 (card) | 128x64 | {100 * report['curve'][1]['miou']:.2f} |")


def test_what_cannot_be_measured_is_explained(bundle: Path, data: Path, tmp_path: Path) -> None:
    dataset = open_dataset(data, "dev")
    with pytest.raises(UserError, match="at least 1024 pixels"):
        budget_curve(bundle, Predictor.load(bundle), dataset, [100])
    with pytest.raises(UserError, match="labelled in cityscapes7"):
        budget_curve(bundle, Predictor.load(bundle), open_dataset(data, "dev", "cityscapes7"), BUDGETS)
    fixed = make_bundle(tmp_path / "fixed", fixed_size=(64, 128))
    with pytest.raises(UserError, match="one input size alone"):
        budget_curve(fixed, Predictor.load(fixed), dataset, BUDGETS)
