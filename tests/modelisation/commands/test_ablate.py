"""`ablate` as it is called: its results and folder replace nothing that is not ours."""

import json
from pathlib import Path

import pytest

from modelisation.__main__ import main
from modelisation.tuning import ablate as ablate_module
from tests.modelisation.commands.folders import content_of
from tests.modelisation.tiny import write_data, write_recipe


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ablation file with its recipe and data; training is replaced."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")

    def fit(*_: object, **__: object) -> None:
        raise AssertionError("a run began")

    monkeypatch.setattr(ablate_module, "fit", fit)
    write_recipe(tmp_path)
    plan = {"recipe": "tiny.yaml", "variants": {"no dice": ["loss.dice=0"]}}
    (tmp_path / "plan.yaml").write_text(json.dumps(plan), encoding="utf-8")
    write_data(tmp_path / "data")
    return tmp_path


def ablate(place: Path, results: Path, run_dir: Path) -> int:
    arguments = ["--data", str(place / "data"), "--json", str(results), "--run-dir", str(run_dir)]
    return main(["ablate", str(place / "plan.yaml"), *arguments])


@pytest.mark.parametrize(
    ("results", "run_dir", "sentence"),
    [
        ("a.json", "data", "choose another folder"),
        ("a.json", ".", "choose another folder"),
        ("plan.yaml", "run", "holds no results of ablations"),
        ("notes.json", "run", "holds no results of ablations"),
    ],
)
def test_nothing_that_is_not_ours_is_replaced(
    place: Path, results: str, run_dir: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "notes.json").write_text('{"mine": 1}', encoding="utf-8")
    before = content_of(place)
    assert ablate(place, place / results, place / run_dir) == 2
    assert sentence in capsys.readouterr().err
    assert content_of(place) == before
