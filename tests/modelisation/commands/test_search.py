"""`search` as it is called: its folder is its own, and whatever else is there stays."""

from pathlib import Path

import pytest

from modelisation.__main__ import main
from modelisation.outputs.mark import Mark, claim
from modelisation.tuning import search as search_module
from tests.modelisation.commands.folders import content_of
from tests.modelisation.tiny import write_data, write_recipe

SPLITS = ("--set", "train_split=train", "--set", "val_split=val")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")

    def fit(*_: object, **__: object) -> None:
        raise AssertionError("a trial began")

    monkeypatch.setattr(search_module, "fit", fit)
    return write_data(tmp_path / "data")


def search(folder: Path, data: Path, run_dir: Path, *options: str) -> int:
    places = ["--data", str(data), "--run-dir", str(run_dir), "--study", str(folder / "study.db")]
    return main(["search", str(write_recipe(folder)), *places, "--trials", "1", *SPLITS, *options])


def test_the_data_folder_is_no_run_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = content_of(data)
    assert search(tmp_path, data, data) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert content_of(data) == before
    assert not (tmp_path / "study.db").exists()


def test_a_run_that_was_trained_is_not_emptied(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, Mark(kind="run"))
    (run / "model.safetensors").write_bytes(b"weights")
    before = content_of(run)
    assert search(tmp_path, data, run) == 2
    assert content_of(run) == before


def test_a_database_of_another_program_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.db"
    notes.write_bytes(b"no database")
    assert search(tmp_path, data, tmp_path / "run", "--study", str(notes)) == 2
    assert "notes.db is there already and holds no search" in capsys.readouterr().err
    assert notes.read_bytes() == b"no database"
    assert not (tmp_path / "run").exists()


def test_a_network_that_cannot_be_built_is_found_before_a_study_is_made(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, data, tmp_path / "run", "--set", "architecture=unet") == 2
    assert "unknown architecture 'unet'" in capsys.readouterr().err
    assert not any((tmp_path / name).exists() for name in ("study.db", "run", "store"))
