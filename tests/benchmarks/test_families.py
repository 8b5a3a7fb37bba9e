"""The table of families: its cells are what was measured, and what fails is a cell that says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelisation.export.importing import agreement
from modelisation.reports.families import families_lines, families_table
from tests.benchmarks import family_steps
from tests.benchmarks.families import main, run_families
from tests.benchmarks.family_nets import FAMILIES, Family
from tests.modelisation.export.importing.graphs import make_adapter, make_graph

GRAPH = next(family for family in FAMILIES if family.name.startswith("ONNX"))


def two_classes(folder: Path) -> list[str]:
    """A graph, and a YAML file that gives it too few classes."""
    adapter = make_adapter(folder / "net.yaml", labels=["road", "sky"])
    return ["onnx", str(make_graph(folder / "net.onnx")), "--card", str(adapter)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of a family that works, and of one that cannot be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "SHAPES", ((96, 128),))
        patch.setattr(family_steps, "PIXEL_BUDGET", 96 * 192)
        patch.setattr("tests.benchmarks.families.PHOTO", (96, 192))
        families = (GRAPH, Family("broken", two_classes))
        yield run_families(families, 2, tmp_path_factory.mktemp("families"), (2, 128, 256))


def test_every_cell_of_a_family_is_measured(report: Any) -> None:
    row = report["rows"][0]
    assert row["import"]["value"] > 0
    assert row["export"]["value"] == "open"
    assert min(row[key]["value"] for key in ("openvino", "onnxruntime", "agreement")) > 0.999
    assert row["ms"]["value"] > 0
    assert row["input"] == [96, 192]
    assert row["classes_seen"] > 1, "an agreement on one class alone would say nothing"
    assert "cannot be trained further" in row["train"]["failed"]


def test_what_fails_is_a_cell_and_the_others_are_measured(report: Any) -> None:
    assert set(report["rows"][1]) == {"family", "import"}
    assert "none of its labels is sidewalk" in report["rows"][1]["import"]["failed"]


def test_the_table_says_each_cell_and_the_reason_of_each_failure(report: Any) -> None:
    lines = families_table(report)
    assert lines[2].startswith(f"| {GRAPH.name} | ")
    assert " | no (1) | open sizes | " in lines[2]
    assert lines[2].endswith(" at 192x96 |")
    assert lines[3] == "| broken | failed (2) | – | – | – | – | – | – |"
    assert lines[7] == f"1. {report['rows'][0]['train']['failed']}"
    assert lines[8] == f"2. {report['rows'][1]['import']['failed']}"
    assert "random weights" in lines[-1]


def test_a_share_is_cut_off_and_says_where_one_class_alone_was_labelled() -> None:
    report: dict[str, Any] = {
        "rows": [{"family": "a", "openvino": {"value": 0.999_999}, "onnxruntime": {"value": 1.0},
                  "export": {"value": [64, 96]}, "classes_seen": 1}],
        "machine": {"processor": "one", "cores": 1}, "scenes": {"number": 1, "height": 1, "width": 1},
        "photo": {"height": 1, "width": 1}, "packages": {}, "rounds": 1,
        "date": "", "git_commit": "", "git_dirty": True,
    }  # fmt: skip
    assert families_table(report)[2] == "| a | – | – | fixed 96x64 | 99.99 (one class) | 100.00 (one class) | – | – |"


def test_without_a_report_the_table_says_how_to_measure(tmp_path: Path) -> None:
    assert families_lines(tmp_path / "none.json") == ["Not measured yet: `make models`."]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nothing", "--json", "x"], "no family has it in its name: DeepLabV3"),
        (["--only", "smp"], "no family"),
        (["--only", "segformer"], "--only needs --json FILE"),
        (["--rounds", "0"], "--rounds must be at least 1"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
