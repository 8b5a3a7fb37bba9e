"""`robustness` as it is called: into the card, unless the card is of another split."""

from pathlib import Path

import pytest

from back.runtime.card import read_card
from modelisation.__main__ import main
from modelisation.data.open import open_dataset
from modelisation.evaluation.perturbations import perturbations
from tests.bundles import rewrite_card


def test_the_table_is_written_into_the_card(bundle: Path, scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = read_card(bundle).metrics
    assert metrics is not None
    same = metrics.model_copy(update={"split_sha256": open_dataset(scenes, "val").split_sha256})
    rewrite_card(bundle, metrics=same.model_dump())
    assert main(["robustness", str(bundle), "--data", str(scenes)]) == 0
    assert "| JPEG quality 40 |" in capsys.readouterr().out
    assert tuple(read_card(bundle).robustness) == tuple(perturbations((0, 0, 0)))


def test_nothing_of_another_split_than_the_cards_is_stored(
    bundle: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["robustness", str(bundle), "--data", str(scenes)]) == 2
    assert "card reports scenes val; measure the same split" in capsys.readouterr().err
    assert main(["robustness", str(bundle), "--data", str(scenes), "--no-store"]) == 0
    assert read_card(bundle).robustness == {}
