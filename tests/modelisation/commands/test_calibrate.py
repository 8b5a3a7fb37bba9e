"""`calibrate` as it is called: into the card, unless the model was trained on the split."""

import json
from pathlib import Path

import pytest

from back.runtime.card import CARD_FILE, read_card
from back.runtime.predictor import Predictor
from modelisation.__main__ import main
from modelisation.data.open import open_dataset
from tests.bundles import rewrite_card


def test_the_temperature_is_written_into_the_card(
    bundle: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(bundle), "--data", str(scenes), "--no-store"]) == 0
    assert read_card(bundle).calibration is read_card(bundle).familiarity is None
    assert main(["calibrate", str(bundle), "--data", str(scenes)]) == 0
    calibration, familiarity = read_card(bundle).calibration, read_card(bundle).familiarity
    assert calibration is not None
    assert familiarity is not None
    assert familiarity.where_of == "scenes val", "the model was not trained on a split of these"
    assert set(familiarity.false_alarms) == {"scenes val", "rendered scenes, 96 × 64"}
    assert Predictor.load(bundle).predict_array(open_dataset(scenes, "val")[0].image).unfamiliar is not None
    assert f"temperature {calibration.temperature:g}, fitted on scenes val" in capsys.readouterr().out
    assert calibration.split_sha256 == open_dataset(scenes, "val").split_sha256
    assert calibration.nll[1] <= calibration.nll[0]
    assert Predictor.load(bundle).card.temperature == calibration.temperature


def test_a_split_that_the_model_was_trained_on_is_refused(
    bundle: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = json.loads((bundle / CARD_FILE).read_text(encoding="utf-8"))["training"]
    rewrite_card(bundle, training=training | {"split_sha256": open_dataset(scenes, "val").split_sha256})
    assert main(["calibrate", str(bundle), "--data", str(scenes)]) == 2
    assert "was trained on" in capsys.readouterr().err
    assert read_card(bundle).calibration is None
