"""How far a model carries: scores on scenes of other shapes and the run's agreement with its teacher, in the card."""

import json
from pathlib import Path

import numpy as np
import pytest

from back.runtime.card import HISTORY_FILE, read_card, verify_files
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import apply_remap, remap_for
from modelisation.evaluation.metrics import scores_of
from modelisation.export import carry
from modelisation.export.bundle import read_report, write_card
from modelisation.export.carry import measure_carry, store_carry
from modelisation.reports.quality import carries_table
from modelisation.scenes.render import render_scene
from tests.bundles import make_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, pixel_budget=64 * 96)


def test_the_score_is_that_of_the_rendered_scenes(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "SCENES", 2)
    predictor = Predictor.load(bundle)
    matrix = np.zeros((8, 8), np.int64)
    for i in range(2):
        scene = render_scene(970_000_000 + i, 64, 96)
        label = apply_remap(scene.label_ids, remap_for("cityscapes_label_ids", "street8"))
        known = label != 255
        np.add.at(matrix, (label[known], predictor.predict_array(scene.image).labels_HW[known]), 1)
    expected = scores_of(matrix, predictor.card.taxonomy)["miou"]
    assert measure_carry(predictor, bundle) == {"rendered scenes, 96 × 64": pytest.approx(expected, abs=1e-4)}


def test_the_agreement_with_a_teacher_is_that_of_the_last_epoch(bundle: Path) -> None:
    history = bundle / HISTORY_FILE
    curves = json.loads(history.read_text(encoding="utf-8"))
    curves.setdefault("metrics", {})["teacher_miou"] = [[1, 0.4, 0], [2, 0.5, 0]]
    history.write_text(json.dumps(curves), encoding="utf-8")
    write_card(bundle, read_card(bundle))
    measured = measure_carry(Predictor.load(bundle), bundle)
    assert measured["photos of other cameras, agreement with the teacher"] == 0.5


def test_card_report_and_table_tell_it(bundle: Path) -> None:
    store_carry(bundle, {"rendered scenes, 96 × 64": 0.25})
    card = read_card(bundle)
    verify_files(bundle, card)
    assert card.carries == {"rendered scenes, 96 × 64": 0.25}
    assert read_report(bundle)["carry"]["miou"] == card.carries
    lines = "\n".join(carries_table([bundle]))
    assert "rendered scenes, 96 × 64 | 25.0" in lines
    assert card.metrics is None or f"{100 * card.metrics.miou:.1f}" in lines
