"""The fast Lovász-softmax loss against the library's, and against its definition in float64."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor

from modelisation.training.kernels.lovasz import lovasz_softmax

IGNORED = 255


def batch(spread: float, classes: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scores, and labels in which the last class is missing and a tenth is ignored."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, classes, 17, 23, generator=generator) * spread
    label = torch.randint(0, classes - 1, (2, 17, 23), generator=generator)
    label[torch.rand(label.shape, generator=generator) < 0.1] = IGNORED
    return scores.requires_grad_(True), label


def by_definition(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
    """1 - IoU extended to errors in 0..1: sorted errors times what each set of the largest adds; float64."""
    probability_CP = scores_NCHW.double().softmax(1).movedim(1, 0).flatten(1)
    kept = label_NHW.flatten() != IGNORED
    losses = []
    for chosen in label_NHW.flatten()[kept].unique():
        right = (label_NHW.flatten()[kept] == chosen).double()
        errors, order = (right - probability_CP[chosen][kept]).abs().sort(descending=True, stable=True)
        found, places = right[order].cumsum(0), torch.arange(1, len(right) + 1)
        loss = 1 - (right.sum() - found) / (right.sum() + places - found)
        losses.append(torch.dot(errors, loss.diff(prepend=loss.new_zeros(1))))
    return torch.stack(losses).mean()


def with_gradient(loss: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    (gradient,) = torch.autograd.grad(loss, scores)
    return loss.detach(), gradient


@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_value_and_gradient_are_those_of_the_definition(spread: float) -> None:
    scores, label = batch(spread)
    loss, gradient = with_gradient(lovasz_softmax(scores, label, IGNORED), scores)
    expected, slope = with_gradient(by_definition(scores, label), scores)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, slope, rtol=1e-4, atol=1e-8)


def test_value_and_gradient_are_the_librarys_but_for_its_rounding() -> None:
    scores, label = batch(2.0)
    loss, gradient = with_gradient(lovasz_softmax(scores, label, IGNORED), scores)
    library = smp.losses.LovaszLoss("multiclass", ignore_index=IGNORED)
    expected, slope = with_gradient(library(scores, label), scores)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient, slope, rtol=1e-2, atol=1e-6)


def test_sure_scores_where_errors_are_0_1_and_equal() -> None:
    scores, label = batch(300.0)
    loss, gradient = with_gradient(lovasz_softmax(scores, label, IGNORED), scores)
    torch.testing.assert_close(loss.double(), by_definition(scores, label).detach(), rtol=1e-6, atol=0)
    assert gradient.isfinite().all()


def test_right_and_sure_everywhere_is_no_loss() -> None:
    label = torch.arange(4).reshape(1, 2, 2)
    scores = 100.0 * torch.nn.functional.one_hot(label, 4).movedim(-1, 1).float()
    assert lovasz_softmax(scores, label, IGNORED) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes_give_the_loss_of_their_values(dtype: torch.dtype) -> None:
    scores, label = batch(2.0)
    rounded = scores.detach().to(dtype)
    torch.testing.assert_close(
        lovasz_softmax(rounded, label, IGNORED), lovasz_softmax(rounded.float(), label, IGNORED)
    )


def test_scores_that_are_no_numbers_are_noticed() -> None:
    scores, label = batch(1.0)
    with torch.no_grad():
        scores[0, 2, 3, 4] = float("nan")
    assert np.isnan(lovasz_softmax(scores, label, IGNORED).item())


def test_pixels_that_are_ignored_change_nothing() -> None:
    scores, label = batch(1.0)
    (gradient,) = torch.autograd.grad(lovasz_softmax(scores, label, IGNORED), scores)
    assert not gradient.movedim(1, -1)[label == IGNORED].any()
    assert gradient.movedim(1, -1)[label != IGNORED].any()


def test_it_takes_less_processor_time_than_the_librarys() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 8, 96, 128, generator=generator, requires_grad=True)
    label = torch.randint(0, 8, (4, 96, 128), generator=generator)
    library = smp.losses.LovaszLoss("multiclass", ignore_index=IGNORED)

    def seconds(loss: Callable[[], Tensor]) -> float:
        start = time.process_time()
        loss().backward()
        return time.process_time() - start

    def ours() -> Tensor:
        return lovasz_softmax(scores, label, IGNORED)

    seconds(ours)  # compiles, or reads the cache
    pairs = [(seconds(ours), seconds(lambda: library(scores, label))) for _ in range(5)]
    mine, theirs = (min(side) for side in zip(*pairs, strict=True))
    assert theirs > 1.5 * mine  # 3 to 4 times
