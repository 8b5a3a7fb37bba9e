"""Scores of a finer class set, counted in the coarser one that groups it."""

import numpy as np
import pytest

from back.runtime.errors import UserError
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import CITYSCAPES7, CITYSCAPES19, REMAPS, STREET8
from modelisation.data.class_sets import class_set
from modelisation.evaluation.coarser import common_taxonomy, counted_in, group_scores
from modelisation.evaluation.metrics import scores_of
from tests.bundles import taxonomy_of

TABLE = np.array([REMAPS["cityscapes19"]["street8"][i] for i in range(19)], np.uint8)


def maps(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 19, (40, 50), np.uint8)
    return truth, np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 19, truth.shape)).astype(np.uint8)


def record() -> dict[str, object]:
    matrix = confusion_matrix(*maps(0), 19)
    image = {"name": "a", "sequence": "s", "confusion_matrix": matrix.tolist(), "miou": 0.1, "pixel_accuracy": 0.1}
    return {
        "model": "m", "taxonomy": "cityscapes19", **scores_of(matrix, CITYSCAPES19),
        "confusion_matrix": matrix.tolist(), "boundary": {}, "calibration": {}, "per_image": [image],
    }  # fmt: skip


def test_counting_a_matrix_is_counting_remapped_maps():
    truth, predicted = maps(0)
    expected = scores_of(confusion_matrix(TABLE[truth], TABLE[predicted], 8), STREET8)
    counted = counted_in(record(), CITYSCAPES19, STREET8)
    assert {key: counted[key] for key in expected} == expected
    assert (counted["taxonomy"], counted["counted_from"]) == ("street8", "cityscapes19")
    assert counted["per_image"][0]["miou"] == expected["miou"]


def test_a_record_in_the_set_itself_stays():
    one = record()
    assert counted_in(one, CITYSCAPES19, CITYSCAPES19) is one


def test_the_common_set_is_the_one_that_groups_the_others():
    assert common_taxonomy(["a", "b"], [CITYSCAPES19, STREET8]) is STREET8
    assert common_taxonomy(["a", "b"], [CITYSCAPES7, CITYSCAPES19]) is CITYSCAPES7
    for other in (CITYSCAPES7, taxonomy_of(3)):  # street8's background is in no category
        with pytest.raises(UserError, match=r"different classes \(a: street8, b: .*none of these sets groups"):
            common_taxonomy(["a", "b"], [STREET8, other])


def test_nineteen_classes_are_also_told_as_seven_and_eight():
    truth, predicted = maps(1)
    found = group_scores(confusion_matrix(truth, predicted, 19), class_set("cityscapes19").taxonomy)
    expected = scores_of(confusion_matrix(TABLE[truth], TABLE[predicted], 8), STREET8)
    assert found["street8"]["miou"] == pytest.approx(expected["miou"])
    assert list(found["cityscapes7"]["class_iou"]) == list(CITYSCAPES7.names)
    assert group_scores(confusion_matrix(truth % 8, predicted % 8, 8), STREET8) == {}
