"""Benchmark numbers: the table's row, and differences in points and in words."""

from typing import Any

import pytest

from front.benchmark import numbers
from tests.front.fake_records import entry_of, evaluation_of


def test_a_row_shows_per_cent_and_leaves_out_what_was_not_measured() -> None:
    row = numbers.benchmark_row(entry_of("segformer", "3"), evaluation_of("segformer"))
    assert row["mIoU, 8 classes"] == pytest.approx(100 * entry_of("segformer", "3")["metrics"]["miou_8"])
    assert (row["Latency p50"], row["Peak memory"], row["Version"]) == (92.0, 700.0, "3")
    bare = numbers.benchmark_row({"name": "x", "version": "1", "metrics": None}, None)
    assert {v for k, v in bare.items() if k != "Version"} == {None}


def answer_of(*differences: float | None, wide: float | None = 0.01) -> dict[str, Any]:
    """`/differences` of mean, road and sky; without an interval where `wide` is None."""
    rows = [
        {"difference": d, "low": None, "high": None}
        if d is None or wide is None
        else {"difference": d, "low": d - wide, "high": d + wide}
        for d in differences
    ]
    return {"mean": rows[0], "classes": dict(zip(("road", "sky"), rows[1:], strict=True))}


def test_differences_are_shown_in_points_the_mean_first() -> None:
    rows = numbers.difference_rows(answer_of(0.02, 0.05, -0.01))
    assert [name for name, *_ in rows] == ["mean", "road", "sky"]
    assert rows[1][1:] == pytest.approx((5, 4, 6))


def test_a_class_without_a_pixel_is_left_out() -> None:
    assert [row[0] for row in numbers.difference_rows(answer_of(0.02, None, 0.0))] == ["mean", "sky"]


def test_what_an_interval_leaves_open_is_no_difference() -> None:
    rows = numbers.difference_rows(answer_of(0.005, 0.009, -0.009))
    assert "No difference" in numbers.sentence(rows, "A", "B", 5)


def test_a_clear_difference_is_said() -> None:
    said = numbers.sentence(numbers.difference_rows(answer_of(0.02, 0.005, -0.05)), "A", "B", 5)
    assert said.startswith("B is better on mean (+2.0) and worse on sky (-5.0) points than A")


def test_too_few_stretches_of_video_give_no_interval_and_say_so() -> None:
    rows = numbers.difference_rows(answer_of(0.02, 0.005, -0.05, wide=None))
    assert rows[0][2:] == (None, None)
    assert "fewer than 5 independent stretches" in numbers.sentence(rows, "A", "B", 5)


def test_charts_are_told_in_words() -> None:
    assert numbers.class_iou_sentence("A", {"road": 0.954, "sky": None, "car": 0.5}) == "A: road 95 %, car 50 %."
    told = numbers.confusion_sentence([[90, 10, 0], [0, 50, 50], [1, 0, 99]], ["road", "car", "sky"])
    assert told == "Most often: car taken for sky (50 %), road taken for car (10 %), sky taken for road (1 %)."
    assert "Nothing" in numbers.confusion_sentence([[5, 0], [0, 5]], ["road", "car"])
