"""What each of the two processes of `test_parallel.py` does; torchrun starts it with a folder."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator, DistributedType
from accelerate.state import AcceleratorState, PartialState
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from modelisation.__main__ import main
from modelisation.processes import ranks
from modelisation.recipe import Loss, load_recipe
from modelisation.training import checkpoint
from modelisation.training.fit import fit
from modelisation.training.kernels.batch_norm import synchronise_batch_norms
from modelisation.training.loss import make_criterion
from modelisation.training.parallel import loss_of
from modelisation.training.samples.batches import AugmentedSamples
from modelisation.training.stopping import Interrupted
from tests.modelisation.convolutions import make_known

RECIPE, DATA = "tiny.yaml", "data"
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "NO_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
    "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
}
LOSSES = {
    "cross entropy": Loss(),
    "smoothed": Loss(label_smoothing=0.1),
    "hardest": Loss(ohem=0.3),
    "Dice": Loss(cross_entropy=0, dice=1),
    "Lovász": Loss(cross_entropy=0, lovasz=1),
}


def example() -> tuple[Tensor, Tensor]:
    """Scores [4, 3, 8, 8] and labels; the odd pictures, which are rank 1's, have few labels."""
    torch.manual_seed(0)
    scores, label = torch.randn(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8))
    label[1::2, 2:] = 255
    return scores, label


def norms() -> list[nn.Module]:
    """Batch norms alike in every process, one of them timm's."""
    torch.manual_seed(0)
    made: list[nn.Module] = [nn.Sequential(nn.BatchNorm2d(3)), nn.Sequential(BatchNormAct2d(3, inplace=False))]
    for norm in made:
        nn.init.normal_(norm[0].weight)
    return made


def loss_and_gradient(weights: Loss, scores: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    scores = scores.clone().requires_grad_()
    loss = make_criterion(weights, 255)(scores, label)
    loss.backward()
    return loss.detach(), scores.grad


def norm_and_gradient(norm: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """Output, the input's gradient, and the statistics that are kept."""
    x = x.clone().requires_grad_()
    y = norm(x)
    (y**3).sum().backward()
    return y.detach(), x.grad, norm[0].running_mean, norm[0].running_var


def compute() -> None:
    """This process's part of `example` through every loss and norm."""
    scores, label = (tensor[ranks.rank() :: 2] for tensor in example())
    layers = norms()
    for layer in layers:
        synchronise_batch_norms(layer)
    found = {
        "losses": {name: loss_and_gradient(weights, scores, label) for name, weights in LOSSES.items()},
        "norms": [norm_and_gradient(layer, scores) for layer in layers],
    }
    torch.save(found, f"computed_{ranks.rank()}.pt")


def train_twice() -> None:
    """Begin a run and stop after its first epoch; go on with another, which one process began."""
    keys: list[tuple[int, int, int]] = []
    read = AugmentedSamples.__getitem__

    def noted(self, key):
        keys.append(key)
        return read(self, key)

    def stop(epoch, _):
        raise Interrupted

    AugmentedSamples.__getitem__ = noted
    recipe = load_recipe(Path(RECIPE))
    with contextlib.suppress(Interrupted):
        fit(recipe, Path(DATA), Path("begun_by_two"), on_epoch=stop)
    compute()
    torch.save(keys, f"keys_{ranks.rank()}.pt")
    Accelerator.end_training = lambda self: None  # the processes are to stay together for the next run
    scores = fit(recipe, Path(DATA), Path("begun_by_one"), resume=True)
    torch.save(scores["confusion_matrix"], f"matrix_{ranks.rank()}.pt")


def train_shared_out() -> None:
    """With FSDP, begun and gone on with. accelerate starts it on GPUs alone, so the state is set in its place."""
    begin = AcceleratorState.__init__
    shapes = {}

    def with_fsdp(self, *args, fsdp_plugin=None, **options):
        begin(self, *args, fsdp_plugin=fsdp_plugin, **options)
        if fsdp_plugin is not None:  # else the state is only looked up
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
            PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    def stop(epoch, _):
        raise Interrupted

    def noted(net, *batch):
        shapes.update({name: (tuple(p.to_local().shape), tuple(p.shape)) for name, p in net.named_parameters()})
        return loss_of(net, *batch)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in FSDP.items():
            patch.setenv(name, value)
        patch.setattr(AcceleratorState, "__init__", with_fsdp)
        patch.setattr("modelisation.training.fit.loss_of", noted)
        AcceleratorState._reset_state()
        recipe = load_recipe(Path(RECIPE))
        with contextlib.suppress(Interrupted):
            fit(recipe, Path(DATA), Path("shared_out"), on_epoch=stop)
        fit(recipe, Path(DATA), Path("shared_out"), resume=True)
        torch.save(shapes, f"shapes_{ranks.rank()}.pt")
    AcceleratorState._reset_state()
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_CPU


def train_until_killed() -> int:
    """Rank 1 is killed after the second step of the first epoch."""
    original = checkpoint.Progress.__setattr__

    def kill(self, name, value):
        original(self, name, value)
        if name == "batch" and value == 2 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.Progress.__setattr__ = kill
    return main(["train", RECIPE, "--data", DATA, "--run-dir", "killed", "--no-register", "--scores-only"])


if __name__ == "__main__":
    make_known()
    os.chdir(sys.argv[1])
    with ranks.quiet():
        train_twice()
        train_shared_out()
    sys.exit(train_until_killed())
