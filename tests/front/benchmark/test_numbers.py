"""Benchmark numbers: IoU, the table's row, and intervals that agree with the training tier's own bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.scores.bootstrap import block_of, paired_differences
from front.benchmark import numbers
from tests.front.fake_records import NAMES, entry_of, evaluation_of, iou_of, matrix_of


def test_class_iou_by_hand() -> None:
    iou = numbers.class_iou(np.array([[3.0, 1, 0], [1, 5, 0], [0, 0, 0]]))
    assert iou[:2] == pytest.approx([3 / 5, 5 / 7])
    assert np.isnan(iou[2])


def test_a_row_shows_per_cent_and_leaves_out_what_was_not_measured() -> None:
    row = numbers.benchmark_row(entry_of("segformer", "3"), evaluation_of("segformer"))
    assert row["mIoU, 8 classes"] == pytest.approx(100 * entry_of("segformer", "3")["metrics"]["miou_8"])
    assert (row["Latency p50"], row["Peak memory"], row["Version"]) == (92.0, 700.0, "3")
    bare = numbers.benchmark_row({"name": "x", "version": "1", "metrics": None}, None)
    assert {v for k, v in bare.items() if k != "Version"} == {None}


def test_the_interval_agrees_with_the_training_tier() -> None:
    a, b = evaluation_of("deeplabv3plus"), evaluation_of("segformer")
    mean = numbers.iou_differences(a, b, NAMES)[0]
    matrices = [np.array([i["confusion_matrix"] for i in e["per_image"]], np.int64) for e in (b, a)]
    reference = paired_differences(*matrices, block_of(a["per_image"])).mean
    assert reference.low is not None
    assert mean[0] == "mean"
    assert mean[1] == pytest.approx(100 * reference.estimate)
    assert mean[2] == pytest.approx(100 * reference.low, abs=0.1)
    assert mean[3] == pytest.approx(100 * (reference.high or 0), abs=0.1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3000)), min_size=1, max_size=40))
def test_blocks_agree_with_the_training_tier(frames: list[tuple[str, int]]) -> None:
    images = [{"name": f"{s}_{f:05}", "sequence": s} for s, f in frames]
    assert numbers.blocks_of(images) == block_of(images)


def test_equal_models_do_not_differ() -> None:
    a = evaluation_of("segformer")
    rows = numbers.iou_differences(a, a, NAMES)
    assert all(row[1:] == (0.0, 0.0, 0.0) for row in rows)
    assert "No difference" in numbers.sentence(rows, "A", "B")


def test_a_clear_difference_is_said() -> None:
    a, b = evaluation_of("deeplabv3plus"), evaluation_of("segformer")
    assert numbers.sentence(numbers.iou_differences(a, b, NAMES), "A", "B").startswith("B is better on mean (+")


def test_one_short_clip_gives_no_interval_and_says_so() -> None:
    a = evaluation_of("deeplabv3plus")
    for image in a["per_image"]:
        image["sequence"] = "only"
    rows = numbers.iou_differences(a, a, NAMES)
    assert rows[0][2:] == (None, None)
    assert "fewer than 5 independent stretches" in numbers.sentence(rows, "A", "B")


def test_a_class_without_a_pixel_is_left_out() -> None:
    a = evaluation_of("segformer")
    for image in a["per_image"]:
        matrix = np.array(image["confusion_matrix"])
        matrix[7, :] = matrix[:, 7] = 0
        image["confusion_matrix"] = matrix.tolist()
    assert [row[0] for row in numbers.iou_differences(a, a, NAMES)] == ["mean", *NAMES[:7]]


def test_charts_are_told_in_words() -> None:
    assert numbers.class_iou_sentence("A", {"road": 0.954, "sky": None, "car": 0.5}) == "A: road 95 %, car 50 %."
    told = numbers.confusion_sentence([[90, 10, 0], [0, 50, 50], [1, 0, 99]], ["road", "car", "sky"])
    assert told == "Most often: car taken for sky (50 %), road taken for car (10 %), sky taken for road (1 %)."
    assert "Nothing" in numbers.confusion_sentence([[5, 0], [0, 5]], ["road", "car"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split_sha256": "other"}, "different images"),
        ({"taxonomy": "cityscapes19"}, "different class sets"),
        ({"per_image": None}, "no scores of single images"),
    ],
)
def test_what_cannot_be_subtracted_says_why(change: dict[str, object], words: str) -> None:
    a = evaluation_of("segformer")
    assert words in (numbers.comparable(a, a | change) or "")
    assert numbers.comparable(a, a) is None


def test_the_fake_s_iou_is_the_real_formula() -> None:
    matrix = matrix_of(1)
    assert list(iou_of(matrix).values()) == pytest.approx(list(numbers.class_iou(np.array(matrix, float))))
