"""The processes of a run that torchrun or accelerate started: which one this is, and what they have together.

A process's number among all of them is its rank; rank 0 is the main one, which writes and speaks for all. In a run of
one process every function here gives back what it is given, so code that calls them need not ask.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from back.runtime.errors import UserError

T = TypeVar("T")


def number() -> int:
    """How many processes work together; 1 before they met."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0; 0 before they met."""
    return dist.get_rank() if number() > 1 else 0


def is_main() -> bool:
    """Whether this is rank 0, as the launcher's variable says: before they met and after they parted, too."""
    return _variable("RANK") == 0


def on_this_machine() -> int:
    """How many of the processes run on this machine."""
    return _variable("LOCAL_WORLD_SIZE", 1) if number() > 1 else 1


def alone(command: str) -> None:
    """Raises UserError: the command, which runs in one process, was started in several."""
    if _variable("WORLD_SIZE", 1) > 1:
        raise UserError(f"{command} runs in one process; start it with python -m modelisation {command} …")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave output to rank 0: what the others print, their progress bars too, goes nowhere."""
    if is_main():
        yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def is_first_to_say(sentence: str) -> bool:
    """Whether no other process has said this yet: what fails in all of them is then told once."""
    if number() == 1:
        return _variable("LOCAL_RANK") == 0
    try:
        store = dist.distributed_c10d._get_default_store()
        return bool(store.add("said " + hashlib.sha256(sentence.encode()).hexdigest(), 1) == 1)
    except RuntimeError:  # whoever kept the store is gone: better twice than never
        return True


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """For what leaves files for others: rank 0 is first, then one process on each other machine, then the rest."""
    turn = 0 if is_main() else 1 if _variable("LOCAL_RANK") == 0 else 2
    for _ in range(turn):
        _meet()
    yield
    for _ in range(turn, 2):
        _meet()


def mine(items: Sequence[T]) -> list[T]:
    """This process's share: every item is in one share, and shares differ by one item at most."""
    return [items[i] for i in range(rank(), len(items), number())]


def everyones(value: T) -> list[T]:
    """The value that each process has, by rank; anything that can be pickled."""
    if number() == 1:
        return [value]
    values: list[Any] = [None] * number()
    dist.all_gather_object(values, value)
    return values


def total(tensor: Tensor) -> Tensor:
    """Sum over the processes, exact for integers, without a gradient."""
    if number() == 1:
        return tensor
    tensor = tensor.detach().clone()
    dist.all_reduce(tensor)
    return tensor


def shared(count: Tensor, least: float = 1.0) -> Tensor:
    """What this process divides its part of a sum by, so that the mean over the processes is the mean of all.

    DistributedDataParallel takes the mean of the gradients, so they are right, too.

    Args:
        count: scalar, what this process counts.
        least: what the number of all is taken for where it is less.
    """
    return total(count).clamp(min=least) / number() if number() > 1 else count.clamp(min=least)


def summed(tensor: Tensor) -> Tensor:
    """Sum over the processes. Backward, each process's gradient is the sum of those of all."""
    return _Sum.apply(tensor) if number() > 1 else tensor


def joined(tensor: Tensor) -> Tensor:
    """The tensors of all processes, of one shape, one behind the other along the first axis.

    For what all processes then compute alike: backward, a process's own part gets `number()` times its gradient, so
    that the mean over the processes is the gradient of what each of them computed.
    """
    return _Join.apply(tensor) if number() > 1 else tensor


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return total(tensor)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return total(gradient.contiguous())


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(number())]
        dist.all_gather(parts, tensor.contiguous())
        ctx.length = len(tensor)
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        start = rank() * ctx.length
        return gradient[start : start + ctx.length] * number()


def _meet() -> None:
    if number() > 1:
        dist.barrier()


def _variable(name: str, default: int = 0) -> int:
    return int(os.environ.get(name, default))
