"""Contrast and placing of scores whose values are known, and what a card must say to use them."""

import numpy as np
import pytest
from pydantic import ValidationError

from back.runtime.familiarity import BANDS, Familiarity, placing_of, statistics_of
from tests.bundles import familiarity_of


def scores_of(bands: list[int], lead: float, classes: int = 3, side: int = 64) -> np.ndarray:
    """Scores of 0, but `lead` for the class that each of eight bands has: float32 [classes, side, side]."""
    scores = np.zeros((classes, side, side), np.float32)
    for band, class_id in enumerate(bands):
        scores[class_id, band * side // BANDS : (band + 1) * side // BANDS] = lead
    return scores


SKY_ABOVE = [0, 0, 0, 1, 1, 2, 2, 2]


def test_contrast_and_shares_are_those_of_the_scaled_scores() -> None:
    scores = np.random.default_rng(0).normal(0, 3, (5, 24, 31)).astype(np.float32)
    contrast, shares = statistics_of(scores, 24, 31, 1.7)
    scaled = scores.astype(np.float64) / 1.7
    power = np.exp(scaled)
    assert contrast == pytest.approx((scaled.max(0) - scaled.min(0)).mean(), abs=1e-5)
    raised, same = statistics_of(scores + 40, 24, 31, 1.7)
    assert raised == pytest.approx(contrast, abs=1e-4)
    np.testing.assert_allclose(same, shares, atol=1e-5)
    expected = (power / power.sum(0)).reshape(5, BANDS, 3, 31).mean((2, 3)).T
    np.testing.assert_allclose(shares, expected, atol=1e-5)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)


def test_padding_counts_for_nothing_and_large_pictures_are_sampled() -> None:
    scores = scores_of(SKY_ABOVE, 5.0)
    padded = np.full((3, 80, 96), 99.0, np.float32)
    padded[:, :64, :64] = scores
    for one in (padded, np.repeat(scores, 3, axis=1)):
        whole = (64.0, 64.9) if one is padded else (192.0, 64.0)
        contrast, shares = statistics_of(one, *whole, 1.0)
        assert contrast == pytest.approx(5)
        assert shares.argmax(1).tolist() == SKY_ABOVE
    contrast, shares = statistics_of(scores[:, :3, :1], 2.2, 0.4, 1.0)
    assert np.isfinite(contrast)
    assert np.isfinite(shares).all(), "of a sliver, too"


def test_a_street_that_is_turned_over_or_that_nobody_is_sure_of_is_less_familiar() -> None:
    _, where = statistics_of(scores_of(SKY_ABOVE, 6.0), 64, 64, 1.0)
    known = Familiarity(
        unfamiliar_below=-2.0, contrast=(6.0, 1.0), placing=(placing_of(where, where), 0.5),
        where=tuple(tuple(band) for band in where.tolist()), where_of="here", set_on="this",
        false_alarms={}, noticed={},
    )  # fmt: skip
    street, turned, unsure = (
        known.of(*statistics_of(scores, 64, 64, 1.0))
        for scores in (scores_of(SKY_ABOVE, 6.0), scores_of(SKY_ABOVE[::-1], 6.0), scores_of(SKY_ABOVE, 1.0))
    )
    assert street == pytest.approx(0, abs=0.1)
    assert turned < -2
    assert unsure < -2


@pytest.mark.parametrize(
    "changes",
    [{"where": ((1.0,),) * 7}, {"where": ((1.0,),) * 7 + ((0.5, 0.5),)}, {"contrast": (0.0, 0.0)},
     {"placing": (0.0, float("nan"))}, {"more": 1}],
)  # fmt: skip
def test_a_card_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Familiarity(**(familiarity_of(0.0).model_dump() | changes))
