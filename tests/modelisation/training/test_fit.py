"""Training: learns, logs, stops and goes on exactly, says what is wrong."""

import itertools
import json
import os
import signal
import subprocess
import sys
from functools import partialmethod
from pathlib import Path

import mlflow
import pytest
import torch
from safetensors.torch import load_file

from back.runtime.card import TrainingRecord, read_card, sha256_of, verify_files
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.export.run_folder import RECORD_FILE
from modelisation.models import load_bundle_model
from modelisation.recipe import Recipe
from modelisation.training import checkpoint
from modelisation.training.fit import TrainingError, fit, train
from modelisation.training.samples import cache
from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted
from tests.modelisation.tiny import SEGFORMER, TINY, write_data

ROOT = Path(__file__).parents[3]
TEACHER = ROOT / "modelisation" / "bundled" / "deeplabv3plus"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def store(tracking_uri) -> str:
    yield tracking_uri
    mlflow.end_run()


def recipe(**changes) -> Recipe:
    return Recipe.model_validate(TINY | changes)


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(run_dir / "model.safetensors")


def test_a_run_leaves_a_bundle_that_serves_its_own_metrics(data, store, tmp_path):
    bundle = train(recipe(), data, tmp_path / "run")
    card = read_card(bundle)
    verify_files(bundle, card)
    predictor = Predictor.load(bundle)
    val = open_dataset(data, "val")
    assert card.metrics.split_sha256 == val.split_sha256
    record = evaluate(bundle, val, EvaluationOptions(latency_runs=0), predictor=predictor)
    assert record["miou_8"] == pytest.approx(card.metrics.miou_8, abs=1e-6)
    assert card.training.teacher is None
    assert card.training.epochs == 2
    assert card.training.steps == 6
    model = load_bundle_model(bundle)
    assert sum(p.numel() for p in model.parameters()) == card.parameters

    client = mlflow.MlflowClient(store)
    version = client.get_model_version_by_alias("tiny", "candidate")
    assert version.run_id == card.training.run_id
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    logged = set(run.data.metrics)
    assert {"train_loss", "val_loss", "val_miou", "val_pixel_accuracy", "val_iou_road", "learning_rate",
            "images_per_second", "epoch_seconds", "data_wait_share"} <= logged  # fmt: skip
    assert [m.step for m in client.get_metric_history(version.run_id, "val_miou")] == [1, 2]
    assert run.data.params["lr"] == "0.002"
    assert run.data.metrics["miou_8"] == card.metrics.miou_8
    assert json.loads((bundle / "history.json").read_bytes())["tags"]["pictures"] == "6"
    artifacts = {a.path for a in client.list_artifacts(version.run_id)}
    assert {"confusion_matrix.png", "panel.png", "recipe.yaml"} <= artifacts
    kept = {a.path for a in client.list_artifacts(version.run_id, "panel")}
    assert kept == {f"panel/{name}" for name in ("photos.jpg", "truth.png", "epoch-00001.png", "epoch-00002.png")}
    history = json.loads((bundle / "history.json").read_text(encoding="utf-8"))
    assert [point[0] for point in history["metrics"]["train_loss"]] == [1, 2]


def test_a_compiled_run_learns_the_same_and_keeps_weights_under_their_own_names(data, store, tmp_path, monkeypatch):
    # Traced as for a GPU, and then run by PyTorch itself: what inductor makes for a processor takes a minute.
    monkeypatch.setattr(torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend="eager"))
    short = {"epochs": 1, "precision": "no"}
    plain = fit(recipe(**short), data, tmp_path / "plain")
    compiled = fit(recipe(**short, compile=True), data, tmp_path / "compiled")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert compiled["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    wanted = weights(tmp_path / "plain")
    for name, weight in weights(tmp_path / "compiled").items():
        torch.testing.assert_close(weight, wanted[name], rtol=1e-3, atol=1e-4)
    assert fit(recipe(**short, compile=True), data, tmp_path / "compiled", resume=True)["loss"] == compiled["loss"]


@pytest.mark.parametrize("stop_after", [2, 3, 4], ids=["inside an epoch", "at its last step", "in the next epoch"])
def test_an_interrupted_and_resumed_run_ends_with_the_same_weights(data, store, tmp_path, monkeypatch, stop_after):
    fit(recipe(), data, tmp_path / "whole")
    steps = 0
    original = checkpoint.Progress.__setattr__

    def stop_at(self, name, value):
        nonlocal steps
        original(self, name, value)
        if name == "batch" and value > 0:
            steps += 1
            if steps == stop_after:
                # The handler itself, not a signal, for the reason above; a real Ctrl-C is tested below.
                signal.getsignal(signal.SIGINT)(signal.SIGINT, None)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Progress, "__setattr__", stop_at)
        with pytest.raises(Interrupted):
            fit(recipe(), data, tmp_path / "parts")
    fit(recipe(), data, tmp_path / "parts", resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []

    def losses(run: str) -> list[float]:
        history = json.loads((tmp_path / run / "history.json").read_text(encoding="utf-8"))
        return [value for _, value, _ in history["metrics"]["train_loss"]]

    assert losses("parts") == losses("whole")


def test_every_option_that_is_off_by_default_trains_together(data, store, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "decoded")
    options = {
        **SEGFORMER,
        "loss": {"ohem": 0.5}, "layer_decay": 0.8, "freeze_batchnorm_after": 1, "cache": "disk", "epochs": 3,
        "ema_decay": 0.0, "scenes": 2, "scenes_share": 0.4, "scenes_building_sites": 0.5,
        "distillation": {"teacher": str(TEACHER)},
        "augmentation": TINY["augmentation"] | {"copy_paste": {"classes": ["vehicle", "background"]}, "boards": 0.5},
    }  # fmt: skip
    states = []
    scores = fit(
        recipe(**options), data, tmp_path / "run", on_epoch=lambda *_: states.append(weights(tmp_path / "run"))
    )
    assert 0 < scores["miou"] < 1
    record = TrainingRecord.model_validate_json((tmp_path / "run" / RECORD_FILE).read_text(encoding="utf-8"))
    assert record.teacher.name == "deeplabv3plus"
    assert record.teacher.sha256 == sha256_of(TEACHER / "model.onnx")
    assert len(list((tmp_path / "decoded").glob("*/index.json"))) == 2
    changed = [{k for k in states[0] if not torch.equal(one[k], two[k])} for one, two in itertools.pairwise(states)]
    norm = {k for k in states[0] if "batch_norm" in k}
    assert len(norm) == 5
    assert not norm & (changed[0] | changed[1]), "fixed after the first epoch"
    assert changed[1]


def test_ctrl_c_on_the_command_line_saves_and_says_how_to_go_on(data, store, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        json.dumps(TINY | SEGFORMER | {"epochs": 500, "workers": 1, "precision": "bf16"}), encoding="utf-8"
    )
    command = [sys.executable, "-m", "modelisation", "train", str(path), "--data", str(data)]
    process = subprocess.Popen(
        [*command, "--run-dir", str(tmp_path / "run")], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    for line in process.stderr:
        if "epoch 2:" in line or "epoch=2" in line:
            break
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does: the loader's worker gets it too
    out, err = process.communicate(timeout=120)
    assert process.returncode == INTERRUPTED_EXIT, err
    assert "Go on with the same command and --resume" in out
    assert "Traceback" not in err
    assert checkpoint.exists(tmp_path / "run")


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence(data, store, tmp_path):
    with pytest.raises(TrainingError, match=r"the loss is nan at step \d+; lower lr"):
        train(recipe(lr=1e30), data, tmp_path / "run", register=False)
    runs = mlflow.MlflowClient(store).search_runs(["1"])
    assert [run.info.status for run in runs] == ["FAILED"]


def test_a_run_folder_in_use_is_not_overwritten(data, store, tmp_path):
    fit(recipe(epochs=1), data, tmp_path / "run")
    with pytest.raises(UserError, match="holds a run; go on with --resume"):
        train(recipe(epochs=1), data, tmp_path / "run", register=False)
    with pytest.raises(UserError, match="differs from this recipe"):
        train(recipe(epochs=2), data, tmp_path / "run", resume=True, register=False)
