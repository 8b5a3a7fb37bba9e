"""Exponential moving average of a network's weights (Polyak averaging), which is what is evaluated and exported."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


class WeightAverage(Generic[Model]):
    """Keeps `average = decay * average + (1 - decay) * weights` of every floating tensor, batch-norm statistics too.

    The decay grows from 0 as (1 + step) / (10 + step), so that the random start is soon forgotten. With decay 0 the
    average is the network itself.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self._source = model
        self.model: Model = copy.deepcopy(model).requires_grad_(False) if decay else model

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network's weights after an optimiser step."""
        if not self.decay:
            return
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        average, current = self.model.state_dict(), self._source.state_dict()
        floating = [name for name, tensor in average.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([average[n] for n in floating], [current[n] for n in floating], 1 - keep)
        for name in average.keys() - set(floating):
            average[name].copy_(current[name])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "model": self.model.state_dict() if self.decay else {}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        if self.decay:
            self.model.load_state_dict(state["model"])
