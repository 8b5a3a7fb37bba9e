"""The paired block bootstrap: blocks, coverage, and what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.scores.bootstrap import Difference, block_of, paired_difference
from back.runtime.taxonomy import STREET8
from modelisation.evaluation.metrics import scores_of


def image(name: str) -> dict[str, str]:
    return {"name": name, "sequence": name.rsplit("_", 1)[0]}


def matrices(accuracies: np.ndarray, seed: int = 0) -> np.ndarray:
    """Confusion matrix of each image of 1000 pixels a class, of which a share is right."""
    rng = np.random.default_rng(seed)
    result = np.zeros((len(accuracies), 8, 8), np.int64)
    for i, accuracy in enumerate(accuracies):
        right = rng.binomial(1000, np.clip(accuracy, 0, 1), 8)
        result[i, np.arange(8), np.arange(8)] = right
        result[i, np.arange(8), (np.arange(8) + 1) % 8] = 1000 - right
    return result


def test_frames_stay_together_for_ten_seconds_of_a_clip() -> None:
    names = [f"0006R0_f{n:05d}" for n in range(0, 1000, 30)]
    blocks = block_of([image(n) for n in names])
    assert blocks == [n // 300 for n in range(0, 1000, 30)]


def test_clips_never_share_a_block_and_order_does_not_matter() -> None:
    images = [image(n) for n in ("b_000310", "a_000001", "b_000002", "a_000290", "c_000001")]
    blocks = block_of(images)
    assert blocks[1] == blocks[3]
    assert len({blocks[0], blocks[1], blocks[2], blocks[4]}) == 4


def test_seven_seconds_of_one_clip_are_one_scene() -> None:
    images = [image(f"0016E5_{n:05d}") for n in range(7959, 8161, 2)]
    assert set(block_of(images)) == {0}
    better, worse = matrices(np.full(101, 0.9)), matrices(np.full(101, 0.8))
    difference = paired_difference(better, worse, block_of(images))
    assert difference.low is None
    assert difference.significant is None
    assert difference.sentence("A", "B").endswith("no interval: one scene")


def test_estimate_is_the_difference_of_the_scores_on_all_images() -> None:
    a, b = matrices(np.linspace(0.5, 0.9, 12)), matrices(np.linspace(0.4, 0.9, 12), 1)
    difference = paired_difference(a, b, list(range(12)))
    expected = scores_of(a.sum(0), STREET8)["miou"] - scores_of(b.sum(0), STREET8)["miou"]
    assert difference.estimate == pytest.approx(expected)


def test_pairing_finds_a_small_steady_gain_among_images_of_very_different_difficulty() -> None:
    difficulty = np.random.default_rng(2).uniform(0.3, 0.95, 40)
    difference = paired_difference(matrices(difficulty + 0.03), matrices(difficulty), list(range(40)))
    assert difference.significant is True
    assert difference.sentence("A", "B").startswith("A is better than B by ")
    assert (
        paired_difference(matrices(difficulty), matrices(difficulty + 0.03), list(range(40)))
        .sentence("A", "B")
        .startswith("B is better than A by ")
    )


def test_equal_models_cannot_be_told_apart() -> None:
    difficulty = np.random.default_rng(3).uniform(0.3, 0.95, 30)
    difference = paired_difference(matrices(difficulty, 1), matrices(difficulty, 2), list(range(30)))
    assert difference.significant is False
    assert difference.sentence("A", "B").startswith("the data cannot tell A from B")


def test_interval_covers_the_true_difference_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(100):
        # Clips differ in which model suits them, with no difference on the whole; frames of a clip agree.
        suits = rng.normal(0, 0.08, 25).repeat(4)
        a, b = matrices(0.7 + suits / 2, 2 * trial), matrices(0.7 - suits / 2, 2 * trial + 1)
        interval = paired_difference(a, b, np.arange(25).repeat(4).tolist(), resamples=400)
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0 <= interval.high
    assert 85 <= covered <= 100


def test_resampling_frames_instead_of_clips_would_promise_too_much() -> None:
    suits = np.random.default_rng(6).normal(0, 0.08, 25).repeat(4)
    a, b = matrices(0.7 + suits / 2), matrices(0.7 - suits / 2, 1)

    def width(blocks: list[int]) -> float:
        interval = paired_difference(a, b, blocks)
        assert interval.low is not None
        assert interval.high is not None
        return interval.high - interval.low

    assert width(np.arange(25).repeat(4).tolist()) > 1.5 * width(list(range(100)))


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40, unique=True), st.integers(1, 400))
def test_a_block_spans_less_than_its_length(frames: list[int], length: int) -> None:
    blocks = block_of([image(f"clip_{f:06d}") for f in frames], length)
    for block in set(blocks):
        members = [f for f, b in zip(frames, blocks, strict=True) if b == block]
        assert max(members) - min(members) < length


def test_sentence_gives_points_and_half_the_interval() -> None:
    assert Difference(0.013, 0.007, 0.019, 9).sentence("A", "B") == "A is better than B by 1.3 ± 0.6 points (95 %)"
    assert "no interval: one scene (3 independent blocks, 5 are needed)" in Difference(0.013, None, None, 3).sentence(
        "A", "B"
    )
