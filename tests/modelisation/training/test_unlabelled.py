"""Photos without labels: which are learnt from, what they teach, and how a run uses them."""

import json

import mlflow
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.errors import UserError
from back.runtime.taxonomy import TAXONOMIES
from modelisation.models import build_model
from modelisation.recipe import Loss, Recipe
from modelisation.scenes.render import render_scene
from modelisation.training.distillation import add_teacher
from modelisation.training.fit import fit
from modelisation.training.loss import make_criterion
from modelisation.training.teachers import kept
from modelisation.training.unlabelled import open_unlabelled, own_targets
from tests.modelisation.tiny import TINY, write_data

STREET8 = TAXONOMIES["street8"]
MEAN = (0.5, 0.5, 0.5)
CONTRACT = InputContract(mean=MEAN, std=MEAN, pixel_budget=64 * 128)
BUNDLE = "modelisation/bundled/segformer"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        Image.fromarray(render_scene(i, 64, 128).image).save(folder / f"photo_{i}.png")
    return folder


def recipe(photos, **changes) -> Recipe:
    return Recipe.model_validate(TINY | {"unlabelled": {"folder": str(photos), "teacher": BUNDLE} | changes})


def test_photos_are_held_out_by_name_so_that_new_ones_move_none(photos, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "kept")
    data = open_unlabelled(recipe(photos, held_out=0.5), CONTRACT, STREET8)
    learnt, held = data.listing["learnt from"], data.listing["held out"]
    assert len(learnt) + len(held) == 8
    assert len(learnt) == len(data.photos)
    assert held == [file.name for file, _ in data.held_out]
    assert 1 <= len(held) <= 7
    Image.fromarray(render_scene(99, 64, 128).image).save(photos / "another.png")
    (photos / "clip.mp4").touch()
    again = open_unlabelled(recipe(photos, held_out=0.5), CONTRACT, STREET8).listing
    assert "clip.mp4" in caplog.text, "what is left out is said"
    assert set(learnt) <= set(again["learnt from"])
    assert set(held) <= set(again["held out"])
    sample = data.photos[0]
    assert (sample.label == 255).all()
    assert sample.soft.shape[2] == 8


def test_a_folder_without_photos_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no photo"):
        open_unlabelled(recipe(tmp_path), CONTRACT, STREET8)


def test_only_pixels_of_which_the_teacher_is_sure_count():
    scores = torch.randn(1, 2, 8, 8)
    target = torch.zeros(1, 2, 4, 4)
    target[:, 0, :2] = 0.9
    target[:, 1, :2] = 0.1
    target[:, :, 2] = 0.5
    label = torch.full((1, 8, 8), 255)
    loss = add_teacher(make_criterion(Loss(), 255), target, 2.0, 0.6)(scores, label)
    logp = F.log_softmax(scores[..., ::2, ::2], 1)[:, :, :2]
    expected = -2.0 * (0.9 * logp[:, 0] + 0.1 * logp[:, 1]).mean()
    torch.testing.assert_close(loss, expected)


def test_the_averaged_network_labels_the_unlabelled_crops_alone():
    torch.manual_seed(0)
    model = build_model(TINY["architecture"], 8, **TINY["build"]).train()
    plain = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    label = torch.full((3, 64, 64), 255)
    label[1, :2] = 0
    targets = own_targets(model, plain, label, CONTRACT, 255)
    assert targets.shape == (3, 8, 32, 32)
    assert not targets[1].any()
    torch.testing.assert_close(targets[[0, 2]].sum(1), torch.ones(2, 32, 32))


@pytest.mark.parametrize(
    "ways", [{}, {"teacher": None, "consistency": 0.5, "threshold": 0.0}], ids=["teacher", "itself"]
)
def test_a_run_learns_from_photos_and_says_so(photos, tmp_path, tracking_uri, monkeypatch, ways):
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "kept")
    data = write_data(tmp_path / "data")
    run_dir = tmp_path / "run"
    evaluated = fit(recipe(photos, share=0.5, held_out=0.4, **ways), data, run_dir)
    mlflow.end_run()
    record = json.loads((run_dir / "record.json").read_text(encoding="utf-8"))
    assert record["recipe"]["unlabelled"]["folder"] == str(photos)
    client = mlflow.MlflowClient(tracking_uri)
    inputs = {one.dataset.name: one for one in client.get_run(record["run_id"]).inputs.dataset_inputs}
    learnt = json.loads(inputs["unlabelled photos"].dataset.profile)["pictures"]
    assert 1 <= learnt < 8
    if ways:
        assert record["teacher"] is None
    else:
        assert record["teacher"]["name"] == "segformer"
        assert 0 <= evaluated["teacher_miou"] <= 1
    assert np.isfinite(evaluated["miou"])


def test_photos_that_teach_nothing_are_refused_before_the_start(photos):
    with pytest.raises(ValueError, match="name a teacher, or set consistency above 0"):
        recipe(photos, teacher=None)
    with pytest.raises(ValueError, match="two teachers"):
        Recipe.model_validate(
            TINY | {"distillation": {"teacher": BUNDLE}, "unlabelled": {"folder": str(photos), "teacher": BUNDLE}}
        )
    with pytest.raises(ValueError, match="consistency needs the averaged network"):
        Recipe.model_validate(
            TINY | {"ema_decay": 0.0, "unlabelled": {"folder": str(photos), "teacher": None, "consistency": 1.0}}
        )
