"""The README's tables come from the reports and cards, and are those that they give now."""

import json
from pathlib import Path

import pytest

from back.runtime.card import read_card
from back.runtime.errors import UserError
from modelisation.data.open import open_dataset
from modelisation.evaluation.compare import compare_records
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.provenance import REPOSITORY
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.reports.quality import QUALITY
from modelisation.reports.readme import PAGES, contents, fill_tables
from modelisation.scenes.writer import write_scenes
from tests.bundles import make_bundle, rewrite_card


def marked(name: str) -> str:
    return f"before\n<!-- table {name}: make tables -->\nold\n<!-- end of table -->\nafter\n"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Two bundles and the report of their comparison."""
    root = tmp_path_factory.mktemp("tables")
    bundles = [make_bundle(root, name=name, bias=bias) for name, bias in (("fine", 0.0), ("other", 1.0))]
    write_scenes(root / "data", {"val": 2}, 64, 128, 5, None)
    data = open_dataset(root / "data", "val")
    options = EvaluationOptions(calibration=True, latency_runs=2)
    report = compare_records([evaluate(bundle, data, options) for bundle in bundles])
    (root / "quality.json").write_text(json.dumps(report), encoding="utf-8")
    return bundles, root / "quality.json"


def test_a_marked_table_is_written_anew_and_the_rest_stays(measured: tuple[list[Path], Path]) -> None:
    bundles, quality = measured
    filled = fill_tables(marked("results"), bundles, quality)
    assert filled.startswith("before\n<!-- table results: make tables -->\n")
    assert filled.endswith("<!-- end of table -->\nafter\n")
    assert "old" not in filled
    model = json.loads(quality.read_text(encoding="utf-8"))["models"][1]
    for share in (model["miou"], model["miou_7"], model["boundary"]["boundary_iou"], model["calibration"]["ece"]):
        assert f" {100 * share:.2f} |" in filled
    total = model["latency"]["ms"]["total"]
    assert f" {total['p50']:.1f} / {total['p95']:.1f} |" in filled
    assert model["latency"]["machine"]["processor"] in filled


def test_classes_and_differences_are_those_of_the_report(measured: tuple[list[Path], Path]) -> None:
    bundles, quality = measured
    report = json.loads(quality.read_text(encoding="utf-8"))
    classes = fill_tables(marked("classes"), bundles, quality)
    assert "| class | fine IoU % | other IoU % | fine ECE % | other ECE % |" in classes
    assert f"| road | {100 * report['models'][0]['class_iou']['road']:.2f} |" in classes
    assert f"- {report['differences'][0]['sentence']}" in fill_tables(marked("differences"), bundles, quality)


def test_writing_twice_changes_nothing(measured: tuple[list[Path], Path]) -> None:
    bundles, quality = measured
    once = fill_tables(marked("results"), bundles, quality)
    assert fill_tables(once, bundles, quality) == once


def test_a_report_of_other_weights_is_refused(measured: tuple[list[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"measured on other weights of fine .* run `make benchmark-quality`"):
        fill_tables(marked("results"), [make_bundle(tmp_path, name="fine", bias=2.0)], measured[1])


def test_without_a_report_the_table_says_how_to_measure(tmp_path: Path) -> None:
    filled = fill_tables(marked("results"), [make_bundle(tmp_path)], tmp_path / "none.json")
    assert "Not measured yet: `make benchmark-quality`." in filled


def test_robustness_comes_from_the_cards(tmp_path: Path) -> None:
    bundles = [make_bundle(tmp_path, name=name) for name in ("a", "b", "c")]
    rewrite_card(bundles[0], robustness={"fog": 1.24, "snow": -0.5})
    rewrite_card(bundles[2], robustness={"fog": 3.0})
    filled = fill_tables(marked("robustness"), bundles)
    assert "| points of mIoU lost | a | c |" in filled
    assert "| fog | 1.2 | 3.0 |" in filled
    assert "| snow | -0.5 | – |" in filled
    assert "Not measured yet" in fill_tables(marked("robustness"), bundles[1:2])


def test_the_contents_link_to_where_github_puts_the_headings() -> None:
    page = "# A page\n## What DeepLabV3+ leaves\n```\n## a comment\n```\n### The palette, again\n## Int8\n"
    assert contents(page) == [
        "- [What DeepLabV3+ leaves](#what-deeplabv3-leaves)",
        "  - [The palette, again](#the-palette-again)",
        "- [Int8](#int8)",
    ]


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(UserError, match="unknown table 'weights'; known: results, classes"):
        fill_tables("<!-- table weights: x -->\n<!-- end of table -->", [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_holds_what_cards_and_benchmarks_say(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<!-- table " in text
    assert fill_tables(text, find_bundles(FOLDER)) == text, "run `make tables`"


@pytest.mark.skipif(not QUALITY.is_file(), reason="no quality report yet")
def test_the_committed_report_agrees_with_the_cards_and_names_no_folder() -> None:
    text = QUALITY.read_text(encoding="utf-8")
    assert str(REPOSITORY) not in text
    models = {model["model"]: model for model in json.loads(text)["models"]}
    for card in map(read_card, find_bundles(FOLDER)):
        assert card.metrics is not None
        assert models[card.name]["split_sha256"] == card.metrics.split_sha256
        assert models[card.name]["miou"] == pytest.approx(card.metrics.miou, abs=0.003)
