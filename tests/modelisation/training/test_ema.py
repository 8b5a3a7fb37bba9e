"""The moving average of the weights, against its definition."""

import pytest
import torch

from modelisation.training.ema import WeightAverage


def test_the_average_follows_its_definition():
    model = torch.nn.BatchNorm1d(3)
    average = WeightAverage(model, 0.9)
    expected = model.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            model.weight.normal_()
            model.running_mean.normal_()
            model.num_batches_tracked += 1
        average.update()
        keep = min(0.9, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * model.weight.detach()
    torch.testing.assert_close(average.model.weight, expected)
    assert average.model.num_batches_tracked == 29
    assert not average.model.weight.requires_grad


def test_without_decay_the_average_is_the_network_itself():
    model = torch.nn.Linear(2, 2)
    average = WeightAverage(model, 0.0)
    average.update()
    assert average.model is model


def test_the_state_goes_through_a_checkpoint():
    model = torch.nn.Linear(2, 2)
    one, two = WeightAverage(model, 0.9), WeightAverage(torch.nn.Linear(2, 2), 0.9)
    one.update()
    two.load_state_dict(one.state_dict())
    assert two.steps == 1
    torch.testing.assert_close(two.model.weight, one.model.weight)


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_a_constant_network_is_its_own_average(decay):
    model = torch.nn.Linear(4, 4)
    average = WeightAverage(model, decay)
    for _ in range(5):
        average.update()
    torch.testing.assert_close(average.model.weight, model.weight)
