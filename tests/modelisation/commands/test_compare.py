"""`compare` as it is called: what it prints, writes and logs."""

import json
from pathlib import Path

import pytest

from back.runtime.taxonomy import STREET8
from modelisation.__main__ import main
from tests.api import Store
from tests.bundles import make_bundle


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """Two models, of which one scores on a coarser grid."""
    return [str(make_bundle(tmp_path, name=name, score_stride=s)) for name, s in (("fine", 4), ("coarse", 32))]


def _runs(store: Store) -> list:
    experiment = store.client.get_experiment_by_name("streetseg")
    return list(store.client.search_runs([experiment.experiment_id])) if experiment else []


def test_the_table_is_printed_and_the_report_written_and_logged(
    pair: list[str],
    scenes: Path,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    out, copy = tmp_path / "out", tmp_path / "quality.json"
    arguments = ["--data", str(scenes), "--out", str(out), "--latency-runs", "2", "--json", str(copy)]
    assert main(["compare", *pair, *arguments]) == 0
    printed = capsys.readouterr().out
    assert "| fine |" in printed
    assert json.loads(copy.read_text(encoding="utf-8"))["differences"][0]["sentence"] in printed
    assert (out / "report.md").read_text(encoding="utf-8").startswith("# scenes val: fine, coarse")
    assert copy.read_bytes() == (out / "report.json").read_bytes()
    (logged,) = _runs(store)
    assert logged.info.run_name == "compare fine coarse"


def test_ways_to_infer_stand_side_by_side(
    pair: list[str],
    scenes: Path,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    arguments = ["--data", str(scenes), "--out", str(tmp_path / "out"), "--latency-runs", "0", "--no-log"]
    assert main(["compare", pair[0], *arguments, "--inference", "served", "flip", "64x64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| mIoU-8 % |" in lines[0]
    assert "| ms while scoring |" in lines[0]
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| fine", "| fine flip", "| fine 64x64"]
    models = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["models"]
    assert [model["inference"]["flip"] for model in models] == [False, True, False]
    assert _runs(store) == []


def test_models_of_different_classes_are_refused(
    pair: list[str], scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three = make_bundle(tmp_path, name="three", classes=3)
    assert main(["compare", pair[0], str(three), "--data", str(scenes), "--no-log"]) == 2
    error = capsys.readouterr().err
    assert "compare: the models predict different classes" in error
    assert "none of these sets groups the others" in error


def test_a_finer_model_is_counted_in_the_coarser_classes_and_that_is_said(
    pair: list[str], scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nineteen = make_bundle(tmp_path, name="nineteen", classes=19)
    out = tmp_path / "out"
    arguments = ["--data", str(scenes), "--out", str(out), "--latency-runs", "0", "--no-log"]
    assert main(["compare", pair[0], str(nineteen), *arguments]) == 0
    assert f"counted in the coarser classes of street8: {nineteen}" in capsys.readouterr().out
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["taxonomy"] == "street8"
    assert [list(model["class_iou"]) for model in report["models"]] == [list(STREET8.names)] * 2
    page = (out / "report.md").read_text(encoding="utf-8")
    assert "nineteen predicts cityscapes19; scores counted in street8." in page


def test_the_report_replaces_nothing_but_an_earlier_one(
    pair: list[str], scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "report.md").write_text("# My report", encoding="utf-8")
    assert main(["compare", *pair, "--data", str(scenes), "--out", str(theirs), "--no-log"]) == 2
    assert "report.md is there already" in capsys.readouterr().err
    assert [path.name for path in theirs.iterdir()] == ["report.md"]
