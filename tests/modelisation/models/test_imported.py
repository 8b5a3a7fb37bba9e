"""The parts of imported networks: adding probabilities inside the graph, and pooling that is exported."""

import pytest
import torch
from torch import nn

from modelisation.models.imported.base import merge_channels
from modelisation.models.imported.pooling import BinPool, use_bin_pools


def test_merged_log_scores_are_the_log_of_added_probabilities() -> None:
    scores = torch.randn(2, 5, 3, 4, dtype=torch.float64) * 20
    merged = merge_channels(scores, [[0, 3], [4], [1, 2]])
    shares = scores.softmax(1)
    expected = torch.stack([shares[:, [0, 3]].sum(1), shares[:, 4], shares[:, [1, 2]].sum(1)], 1)
    torch.testing.assert_close(merged.softmax(1), expected)
    assert torch.equal(merged[:, 1], scores[:, 4])


def test_large_scores_do_not_overflow() -> None:
    merged = merge_channels(torch.tensor([[[[500.0]], [[499.0]], [[-500.0]]]]), [[0, 1], [2]])
    torch.testing.assert_close(merged[0, :, 0, 0], torch.tensor([500.3133, -500.0]))


def test_labels_that_are_the_classes_are_left_alone() -> None:
    scores = torch.randn(1, 3, 2, 2)
    assert merge_channels(scores, [[0], [1], [2]]) is scores
    assert torch.equal(merge_channels(scores, [[2], [0]]), scores[:, [2, 0]])


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(5, 7), (6, 6), (2, 20)])
def test_bins_are_those_of_adaptive_pooling(bins: int, size: tuple[int, int]) -> None:
    image = torch.randn(2, 3, *size)
    torch.testing.assert_close(BinPool(bins)(image), nn.AdaptiveAvgPool2d(bins)(image))


def test_a_network_gets_them_in_place() -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    use_bin_pools(net)
    assert isinstance(net[0], BinPool)
