"""The paired block bootstrap: blocks, coverage, and what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.scores.bootstrap import Difference, block_of, paired_differences, pooled_miou
from back.runtime.scores.confusion import class_ious, mean_of
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
    difference = paired_differences(better, worse, block_of(images)).mean
    assert difference.low is None
    assert difference.significant is None
    assert difference.sentence("A", "B").endswith("no interval: one scene")


def test_estimate_is_the_difference_of_the_scores_on_all_images() -> None:
    a, b = matrices(np.linspace(0.5, 0.9, 12)), matrices(np.linspace(0.4, 0.9, 12), 1)
    difference = paired_differences(a, b, list(range(12))).mean
    expected = scores_of(a.sum(0), STREET8)["miou"] - scores_of(b.sum(0), STREET8)["miou"]
    assert difference.estimate == pytest.approx(expected)


def test_pairing_finds_a_small_steady_gain_among_images_of_very_different_difficulty() -> None:
    difficulty = np.random.default_rng(2).uniform(0.3, 0.95, 40)
    difference = paired_differences(matrices(difficulty + 0.03), matrices(difficulty), list(range(40))).mean
    assert difference.significant is True
    assert difference.sentence("A", "B").startswith("A is better than B by ")
    assert (
        paired_differences(matrices(difficulty), matrices(difficulty + 0.03), list(range(40)))
        .mean.sentence("A", "B")
        .startswith("B is better than A by ")
    )


def test_equal_models_cannot_be_told_apart() -> None:
    difficulty = np.random.default_rng(3).uniform(0.3, 0.95, 30)
    difference = paired_differences(matrices(difficulty, 1), matrices(difficulty, 2), list(range(30))).mean
    assert difference.significant is False
    assert difference.sentence("A", "B").startswith("the data cannot tell A from B")


def test_interval_covers_the_true_difference_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(100):
        # Clips differ in which model suits them, with no difference on the whole; frames of a clip agree.
        suits = rng.normal(0, 0.08, 25).repeat(4)
        a, b = matrices(0.7 + suits / 2, 2 * trial), matrices(0.7 - suits / 2, 2 * trial + 1)
        interval = paired_differences(a, b, np.arange(25).repeat(4).tolist(), resamples=400).mean
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0 <= interval.high
    assert 85 <= covered <= 100


def test_resampling_frames_instead_of_clips_would_promise_too_much() -> None:
    suits = np.random.default_rng(6).normal(0, 0.08, 25).repeat(4)
    a, b = matrices(0.7 + suits / 2), matrices(0.7 - suits / 2, 1)

    def width(blocks: list[int]) -> float:
        interval = paired_differences(a, b, blocks).mean
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


# What the dashboard's own bootstrap gave, in points, and the training tier's as fractions, before the two became one.
KNOWN_POINTS = {
    "mean": (0.17022251582484715, -0.7844823068312988, 1.0551450098059598),
    "road": (0.42404448216671886, -0.5815276157962043, 1.6325787742304192),
    "sidewalk": (-0.03303815033055546, -1.3547643585972318, 1.1579813180425618),
    "building": (0.18162401620586133, -1.0550692605138572, 1.2717052927245422),
    "vehicle": (0.11922821867146327, -0.9458485080517568, 1.0827714673165731),
    "pedestrian": (-0.03129660675190715, -0.9637447946338569, 0.8478841173302591),
    "vegetation": (0.03516231747905385, -0.9121579767692614, 0.9293651979466752),
    "background": (0.4958333333333398, -0.8166666666666655, 1.7458333333333245),
}
KNOWN_MEAN = Difference(-0.0017022251582484715, -0.010551450098059604, 0.007844823068312986, 12)


def known_matrices() -> tuple[np.ndarray, np.ndarray]:
    """Two models on 24 frames of one clip in which there is no sky."""
    accuracies = np.linspace(0.5, 0.9, 24)
    a, b = matrices(accuracies), matrices(accuracies + 0.02 * np.sin(np.arange(24)), 1)
    for side in (a, b):
        side[:, 6] = side[:, :, 6] = 0
    return a, b


KNOWN_BLOCKS = block_of([image(f"clip_{150 * i:05}") for i in range(24)])


def test_the_mean_equals_its_stored_answer_to_the_last_digit() -> None:
    assert paired_differences(*known_matrices(), KNOWN_BLOCKS).mean == KNOWN_MEAN


def test_the_classes_equal_their_stored_answers() -> None:
    a, b = known_matrices()
    found = paired_differences(b, a, KNOWN_BLOCKS)
    rows = dict(zip(("mean", *STREET8.names), (found.mean, *found.classes), strict=True))
    assert rows.pop("sky") is None
    # Rounded once more there, where points were drawn and not fractions.
    for name, row in rows.items():
        assert row is not None
        points = [100 * value for value in (row.estimate, row.low, row.high) if value is not None]
        assert points == pytest.approx(KNOWN_POINTS[name], rel=1e-15, abs=0), name


def test_a_class_that_one_model_alone_predicts_and_no_label_has_is_left_out() -> None:
    a, b = known_matrices()
    b[0, 0, 6] = 5
    assert paired_differences(a, b, KNOWN_BLOCKS).classes[6] is None


def test_a_class_of_a_single_block_has_an_interval_from_the_draws_that_hold_it() -> None:
    a, b = known_matrices()
    a[:2, 6, 6], b[:2, 6, 6], b[:2, 6, 0] = 100, 50, 50
    sky = paired_differences(a, b, KNOWN_BLOCKS).classes[6]
    assert sky == Difference(0.5, 0.5, 0.5, 12)


def test_records_without_a_labelled_pixel_have_no_difference() -> None:
    nothing = np.zeros((6, 8, 8), np.int64)
    found = paired_differences(nothing, nothing, list(range(6)))
    assert np.isnan(found.mean.estimate)
    assert (found.mean.low, set(found.classes)) == (None, {None})


def test_the_pooled_miou_is_that_of_all_pixels_and_lies_in_its_interval() -> None:
    matrices = np.random.default_rng(1).integers(1, 100, (12, 3, 3))
    matrices[:, range(3), range(3)] += 200
    found = pooled_miou(matrices, list(range(12)))
    assert found is not None
    assert found.estimate == pytest.approx(mean_of(class_ious(matrices.sum(0))))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high
    few = pooled_miou(matrices, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    assert few is not None
    assert (few.estimate, few.low, few.high, few.blocks) == (found.estimate, None, None, 4)
    assert pooled_miou(np.zeros((2, 3, 3), np.int64), [0, 1]) is None
