"""`evaluate` as it is called."""

import json
from pathlib import Path

import pytest

from modelisation.__main__ import main
from tests.bundles import make_bundle
from tests.modelisation.commands.folders import content_of


def test_the_scores_are_printed_and_the_record_is_written(
    bundle: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(scenes), "--split", "val", "--json", str(tmp_path / "out" / "r.json")]
    arguments += ["--latency-runs", "2", "--engine", "onnxruntime", "--calibration"]
    assert main(["evaluate", str(bundle), *arguments]) == 0
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "r.json").read_text(encoding="utf-8"))
    assert f"mIoU {100 * record['miou']:.2f}" in printed
    worst = min(record["per_image"], key=lambda image: image["miou"])
    assert f"worst: {worst['name']} {100 * worst['miou']:.2f}" in printed
    assert "| stage | p50 ms | p95 ms | p99 ms |" in printed
    assert record["engine"] == "onnxruntime fp32"


def test_a_data_set_without_the_models_classes_is_named(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("images", "labels"):
        (tmp_path / "data" / "val" / name).mkdir(parents=True)
    source = next((scenes / "leftImg8bit" / "val").glob("*/*.png"))
    (tmp_path / "data" / "val" / "images" / "a.png").write_bytes(source.read_bytes())
    (tmp_path / "data" / "val" / "labels" / "a.png").write_bytes(source.read_bytes())
    nineteen = make_bundle(tmp_path / "nineteen", classes=19)
    assert main(["evaluate", str(nineteen), "--data", str(tmp_path / "data")]) == 2
    assert "no labels in the classes of nearest-colour" in capsys.readouterr().err


def test_a_precision_that_the_engine_lacks_is_said(
    bundle: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--engine", "onnxruntime", "--precision", "bf16"]
    assert main(["evaluate", str(bundle), "--data", str(scenes), *options]) == 2
    assert "evaluate: ONNX Runtime computes in fp32" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["bundle/model.json", "bundle/report.json", "label", "notes.json", "folder"])
def test_the_record_replaces_nothing_but_an_earlier_record(
    bundle: Path, scenes: Path, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.json").write_text('{"mine": 1}', encoding="utf-8")
    (tmp_path / "folder").mkdir()
    label = next((scenes / "gtFine" / "val").glob("*/*_labelIds.png"))
    (tmp_path / "label").symlink_to(label)
    path = bundle / place.removeprefix("bundle/") if place.startswith("bundle/") else tmp_path / place
    before = content_of(tmp_path), content_of(scenes)
    assert main(["evaluate", str(bundle), "--data", str(scenes), "--json", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert (content_of(tmp_path), content_of(scenes)) == before


def test_label_ids_are_not_written_among_other_files(scenes: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, classes=19)
    truths = scenes / "gtFine" / "val" / "scenes"
    before = content_of(scenes)
    arguments = ["--data", str(scenes), "--latency-runs", "0", "--cityscapes-predictions"]
    assert main(["evaluate", str(bundle), *arguments, str(truths)]) == 2
    assert content_of(scenes) == before
    for _ in range(2):  # our own are replaced
        assert main(["evaluate", str(bundle), *arguments, str(tmp_path / "predictions")]) == 0
