"""`budget` as it is called: the figure is drawn, and the curve kept in the bundle that it is for."""

from pathlib import Path

import pytest
from PIL import Image

from back.runtime.card import read_card, verify_files
from modelisation.__main__ import main
from modelisation.export.bundle import read_report
from tests.bundles import make_bundle

BUDGETS = ("--budgets", "8192", "15360")


def test_the_curve_is_drawn_and_kept_in_the_bundle_it_is_for(
    bundle: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    final = make_bundle(tmp_path / "final", bias=1.0)
    before = read_report(final)
    arguments = ["--data", str(scenes), "--out", str(tmp_path / "out"), "--into", str(final)]
    assert main(["budget", str(bundle), *arguments, *BUDGETS]) == 0
    assert "| 15,360 (card) |" in capsys.readouterr().out
    report = read_report(final)
    assert [point["pixel_budget"] for point in report.pop("pixel_budget")["curve"]] == [8192, 15360]
    assert report == before
    verify_files(final, read_card(final))
    assert "pixel_budget" not in read_report(bundle)
    with Image.open(tmp_path / "out" / "nearest-colour.png") as figure:
        assert min(figure.size) > 300


def test_the_bundle_can_be_left_alone(bundle: Path, scenes: Path, tmp_path: Path) -> None:
    before = read_report(bundle)
    arguments = ["--data", str(scenes), "--out", str(tmp_path / "out"), "--no-store"]
    assert main(["budget", str(bundle), *arguments, *BUDGETS]) == 0
    assert read_report(bundle) == before
