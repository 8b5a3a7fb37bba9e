"""Two processes train as one does: the same pictures, losses, scores and checkpoints; one that dies ends the run."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import DistributedType
from safetensors.torch import load_file

from back.runtime.errors import UserError
from modelisation.data.open import open_dataset
from modelisation.models import build_model
from modelisation.processes import ranks
from modelisation.recipe import Recipe, load_recipe
from modelisation.scenes.writer import write_scenes
from modelisation.training import checkpoint, parallel
from modelisation.training.fit import fit
from modelisation.training.parallel import meet
from modelisation.training.samples.batches import EpochBatches
from modelisation.training.setup import input_contract
from modelisation.training.stopping import Interrupted
from modelisation.training.validate import validate
from tests.modelisation.tiny import TINY, write_recipe
from tests.modelisation.training import on_two

ROOT = Path(__file__).parents[3]
# Three validation pictures: two processes have unequal shares of them.
PICTURES = {"train": 6, "val": 3}


def start_two(folder: Path, store: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("torchrun"), "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "MLFLOW_TRACKING_URI": store}
    return subprocess.run(
        [*command, "-m", on_two.__name__, str(folder)], cwd=ROOT, env=environment, capture_output=True,
        encoding="utf-8", timeout=250,
    )  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """A folder in which one process and two have trained a recipe, begun by either, and what the two printed."""

    folder: Path
    printed: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, empty_database) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp("parallel")
    write_scenes(folder / on_two.DATA, PICTURES, 64, 128, 5, None)
    write_recipe(folder, batch_size=2, loss={"ohem": 0.5, "dice": 0.3, "lovasz": 0.3})
    store = f"sqlite:///{folder / 'mlflow.db'}"
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())

    def stop(epoch, _):
        raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        run(folder, "one")
        with contextlib.suppress(Interrupted):
            run(folder, "begun_by_one", on_epoch=stop)
        result = start_two(folder, store)
        assert (folder / "matrix_0.pt").exists(), result.stderr[-3000:]
        run(folder, "begun_by_two", resume=True)
        yield Trained(folder, result)


@pytest.fixture
def folder(trained) -> Path:
    return trained.folder


def run(folder: Path, name: str, **options):
    return fit(load_recipe(folder / on_two.RECIPE), folder / on_two.DATA, folder / name, **options)


def curve(folder: Path, name: str, metric: str = "train_loss") -> list[float]:
    history = json.loads((folder / name / "history.json").read_text(encoding="utf-8"))
    return [value for _, value, _ in history["metrics"][metric]]


@pytest.mark.parametrize("name", ["begun_by_one", "begun_by_two"])
def test_two_processes_learn_as_one_does_and_each_goes_on_where_the_other_stopped(folder, name):
    for metric in ("train_loss", "val_loss", "learning_rate"):
        assert curve(folder, name, metric) == pytest.approx(curve(folder, "one", metric), rel=1e-3)
    whole, parts = (load_file(folder / run / "model.safetensors") for run in ("one", name))
    assert whole.keys() == parts.keys()
    for key in whole.keys() - {"encoder.0.bias"}:  # before a batch norm: its gradient is nothing but rounding
        torch.testing.assert_close(parts[key], whole[key], rtol=0.02, atol=2e-3)


def test_fsdp_learns_the_same_with_half_of_every_tensor_in_each_process_and_goes_on_from_its_checkpoint(folder):
    for metric in ("train_loss", "val_loss"):
        assert curve(folder, "shared_out", metric) == pytest.approx(curve(folder, "one", metric), rel=1e-3)
    shapes = [torch.load(folder / f"shapes_{rank}.pt") for rank in (0, 1)]
    weight = "model.encoder.0.weight"
    assert [shape[weight] for shape in shapes] == [((4, 3, 3, 3), (8, 3, 3, 3))] * 2
    whole, parts = (load_file(folder / run / "model.safetensors") for run in ("one", "shared_out"))
    assert {name: t.shape for name, t in parts.items()} == {name: t.shape for name, t in whole.items()}


def test_every_picture_of_an_epoch_is_seen_once_in_the_batch_that_it_is_in(folder):
    batches = list(EpochBatches(6, 0, 0.0, 6, 2, TINY.get("seed", 1)))
    by_rank = [torch.load(folder / f"keys_{rank}.pt") for rank in (0, 1)]
    assert [sorted(pair) for pair in zip(*by_rank, strict=True)] == [sorted(batch) for batch in batches]


def test_the_matrix_of_both_processes_is_that_of_one_to_the_last_pixel(folder):
    recipe = load_recipe(folder / on_two.RECIPE)
    val = open_dataset(folder / on_two.DATA, "val", recipe.taxonomy)
    model = build_model(recipe.architecture, len(val.taxonomy.classes), **recipe.build)
    model.load_state_dict(load_file(folder / "begun_by_one" / "model.safetensors"))
    scores = validate(model, list(val), input_contract(model, recipe), val.taxonomy)
    for rank in (0, 1):
        matrix = torch.load(folder / f"matrix_{rank}.pt", weights_only=False)
        assert matrix.dtype == np.int64
        assert (matrix == scores["confusion_matrix"]).all()
    assert curve(folder, "begun_by_one", "val_loss")[-1] == pytest.approx(scores["loss"], rel=1e-5)


@pytest.mark.parametrize("name", on_two.LOSSES)
def test_a_loss_in_two_parts_is_that_of_the_whole_batch(folder, name):
    loss, gradient = on_two.loss_and_gradient(on_two.LOSSES[name], *on_two.example())
    parts = [torch.load(folder / f"computed_{rank}.pt")["losses"][name] for rank in (0, 1)]
    torch.testing.assert_close(sum(part for part, _ in parts) / 2, loss)
    for rank, (_, part) in enumerate(parts):
        torch.testing.assert_close(part / 2, gradient[rank::2])


def test_a_batch_norm_in_two_parts_is_that_of_the_whole_batch(folder):
    for i, norm in enumerate(on_two.norms()):
        y, gradient, mean, variance = on_two.norm_and_gradient(norm, on_two.example()[0])
        for rank in (0, 1):
            part = torch.load(folder / f"computed_{rank}.pt")["norms"][i]
            torch.testing.assert_close(part, (y[rank::2], gradient[rank::2], mean, variance))


def test_rank_0_alone_speaks(trained):
    printed = trained.printed.stdout
    assert [printed.count(f"epoch {epoch}:") for epoch in (1, 2)] == [2, 2]
    assert printed.count("learns the classes of") == 5


def test_a_killed_process_ends_the_run_with_a_sentence_and_a_checkpoint_to_go_on_from(trained):
    assert trained.printed.returncode == 1
    said = [line for line in trained.printed.stderr.splitlines() if line.startswith("train: ")]
    assert len(said) == 1
    assert "another process of this run has died" in said[0]
    assert "killed: go on with the same command and --resume" in said[0]
    assert checkpoint.exists(trained.folder / "killed")
    run(trained.folder, "killed", resume=True)
    assert curve(trained.folder, "killed") == pytest.approx(curve(trained.folder, "one"), rel=1e-3)


def test_a_batch_in_two_parts_is_one_step(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    steps = {}
    for parts in (1, 2):
        monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", str(parts))
        # Fixed batch norms, so that it makes no difference to them how many pictures come together.
        recipe = Recipe.model_validate(
            TINY | {"epochs": 1, "freeze_batchnorm_after": 0, "loss": {"cross_entropy": 1}}
        )
        fit(recipe, folder / on_two.DATA, tmp_path / str(parts))
        record = json.loads((tmp_path / str(parts) / "record.json").read_text(encoding="utf-8"))
        steps[parts] = record["steps"]
    assert steps == {1: 3, 2: 3}
    assert curve(tmp_path, "2") == pytest.approx(curve(tmp_path, "1"), rel=5e-3)
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("1", "2"))
    torch.testing.assert_close(parts["head.weight"], whole["head.weight"], rtol=0.02, atol=2e-3)


def test_a_batch_that_cannot_be_shared_equally_is_refused(monkeypatch):
    monkeypatch.setattr(ranks, "number", lambda: 3)
    with pytest.raises(UserError, match="cannot be shared equally by 3 processes: set batch_size to a multiple of 3"):
        meet(Recipe.model_validate(TINY | {"batch_size": 8}))


def test_a_command_of_one_process_says_so(monkeypatch):
    ranks.alone("search")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="search runs in one process"):
        ranks.alone("search")


@pytest.mark.parametrize(
    "change", [{"freeze_batchnorm_after": 1}, {"compile": True}], ids=lambda change: next(iter(change))
)
def test_what_does_not_go_with_fsdp_is_refused_before_anything_is_trained(change, monkeypatch):
    shared_out = SimpleNamespace(gradient_accumulation_steps=1, is_fsdp2=True, distributed_type=DistributedType.FSDP)
    monkeypatch.setattr(parallel, "Accelerator", lambda **_: shared_out)
    with pytest.raises(UserError, match=f"{next(iter(change))} does not go with FSDP; take it out"):
        meet(Recipe.model_validate(TINY | change))
