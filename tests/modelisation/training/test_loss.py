"""The loss, part by part, against its definition."""

import pytest
import torch
import torch.nn.functional as F

from modelisation.recipe import Loss
from modelisation.training.loss import make_criterion


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    label = torch.randint(0, 5, (2, 12, 16), generator=rng)
    label[:, :3] = 255
    return torch.randn(2, 5, 12, 16, generator=rng, requires_grad=True), label


@pytest.mark.parametrize(("share", "smoothing"), [(0.25, 0.0), (0.5, 0.1), (0.001, 0.0)])
def test_ohem_is_the_mean_over_the_hardest_labelled_pixels(batch, share, smoothing):
    scores, label = batch
    pixels = F.cross_entropy(scores, label, ignore_index=255, label_smoothing=smoothing, reduction="none")
    hardest = pixels[label != 255].sort(descending=True).values
    expected = hardest[: max(1, round(share * len(hardest)))].mean()
    loss = make_criterion(Loss(ohem=share, label_smoothing=smoothing), 255)(scores, label)
    torch.testing.assert_close(loss, expected)


def test_only_the_hardest_pixels_get_a_gradient(batch):
    scores, label = batch
    make_criterion(Loss(ohem=0.25), 255)(scores, label).backward()
    touched = scores.grad.abs().sum(1) > 0
    assert touched.sum() == (label != 255).sum() // 4
    assert not touched[label == 255].any()


def test_with_every_pixel_kept_ohem_is_plain_cross_entropy(batch):
    scores, label = batch
    expected = F.cross_entropy(scores, label, ignore_index=255)
    assert make_criterion(Loss(), 255)(scores, label) == expected
    torch.testing.assert_close(make_criterion(Loss(ohem=1 - 1e-9), 255)(scores, label), expected)


def test_the_parts_are_weighted_and_added(batch):
    scores, label = batch
    one = {name: make_criterion(Loss(**({"cross_entropy": 0} | {name: 1})), 255)(scores, label)
           for name in ("cross_entropy", "dice", "lovasz")}  # fmt: skip
    both = make_criterion(Loss(cross_entropy=0.5, dice=0.25, lovasz=2.0), 255)(scores, label)
    torch.testing.assert_close(both, 0.5 * one["cross_entropy"] + 0.25 * one["dice"] + 2 * one["lovasz"])


PARTS = [{}, {"ohem": 0.5}, {"dice": 0.3, "lovasz": 0.3}, {"label_smoothing": 0.1}]


@pytest.mark.parametrize("parts", PARTS)
def test_a_batch_without_a_labelled_pixel_teaches_nothing(batch, parts):
    scores, label = batch
    loss = make_criterion(Loss(**parts), 255)(scores, torch.full_like(label, 255))
    loss.backward()
    assert loss.item() == 0
    assert not scores.grad.any()


@pytest.mark.parametrize("parts", PARTS)
def test_one_labelled_pixel_is_enough(batch, parts):
    scores, label = batch
    single = torch.full_like(label, 255)
    single[0, 1, 1] = 2  # the part that takes every second pixel does not see it
    loss = make_criterion(Loss(**parts), 255)(scores, single)
    loss.backward()
    assert loss.item() > 0
    assert torch.isfinite(scores.grad).all()
