"""Exponential moving average of a network's weights (Polyak averaging), which is what is evaluated and exported."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


class WeightAverage(Generic[Model]):
    """Keeps `average = decay * average + (1 - decay) * weights` of every floating tensor, batch-norm statistics too.

    The decay grows from 0 as (1 + step) / (10 + step), so that the random start is soon forgotten. With decay 0 the
    average is the network itself, or, where the network's tensors are shared out between processes, a whole copy.

    Args:
        model: the network.
        decay: at most so much is kept of the average at a step, 0..1.
        shared_out: whether each process holds a part of every tensor of the network; the average is whole in each.
    """

    def __init__(self, model: Model, decay: float, shared_out: bool = False) -> None:
        self.decay = decay
        self.steps = 0
        self._source = model
        self.model: Model = copy.deepcopy(model).requires_grad_(False) if decay or shared_out else model

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network's weights after an optimiser step."""
        if not self.decay:
            return
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        average, current = self.model.state_dict(), _whole(self._source)
        floating = [name for name, tensor in average.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([average[n] for n in floating], [current[n] for n in floating], 1 - keep)
        for name in average.keys() - set(floating):
            average[name].copy_(current[name])

    @torch.no_grad()
    def current(self) -> Model:
        """The network to validate and to keep. Where it is shared out, every process has to call this."""
        if not self.decay and self.model is not self._source:
            self.model.load_state_dict(_whole(self._source))
        return self.model

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "model": self.model.state_dict() if self.decay else {}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        if self.decay:
            self.model.load_state_dict(state["model"])


def _whole(model: nn.Module) -> dict[str, Tensor]:
    """A network's tensors, those put together that are shared out between processes."""
    # Not by their type, whose import takes half a second.
    return {n: t.full_tensor() if hasattr(t, "full_tensor") else t for n, t in model.state_dict().items()}
