"""`doctor` as it is called: files and fixes are named, and only errors give exit status 1."""

import json
import shutil
from pathlib import Path

import pytest

from modelisation.__main__ import main
from modelisation.doctor.faults import KINDS


def test_files_and_fixes_are_named_and_errors_fail(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(scenes, tmp_path / "scenes"))
    assert main(["doctor", str(data)]) == 0
    assert "share of the labelled pixels" in capsys.readouterr().out
    image = sorted((data / "leftImg8bit" / "val").glob("*/*.png"))[0]
    sorted((data / "gtFine" / "val").glob("*/*_labelIds.png"))[0].unlink()
    report = tmp_path / "doctor.json"
    assert main(["doctor", str(data), "--json", str(report)]) == 1
    printed = capsys.readouterr().out
    assert "error: image without a label: 1" in printed
    assert f"fix: {KINDS['image_without_label'].fix}" in printed
    assert image.name in printed
    assert json.loads(report.read_text(encoding="utf-8"))["counts"]["image_without_label"] == 1


def test_the_report_replaces_nothing_but_an_earlier_one(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.json"
    notes.write_text('{"mine": 1}', encoding="utf-8")
    assert main(["doctor", str(scenes), "--json", str(notes)]) == 2
    assert "was not written by this command" in capsys.readouterr().err
    assert notes.read_text(encoding="utf-8") == '{"mine": 1}'
    for _ in range(2):
        assert main(["doctor", str(scenes), "--json", str(tmp_path / "doctor.json")]) == 0
