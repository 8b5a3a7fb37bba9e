"""What a run needs before its first step: a folder of its own that keeps the recipe, the weights to begin with."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from back.runtime.card import CARD_FILE, WEIGHTS_FILE, TrainingRecord, read_card, sha256_of
from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.data.class_sets import class_set
from modelisation.data.open import open_dataset
from modelisation.export.run_folder import RECIPE_COPY
from modelisation.recipe import Recipe
from modelisation.training.checkpoint import FOLDER
from modelisation.training.setup import begin_with, build_from_recipe, input_contract, prepare_run_dir, training_data
from tests.bundles import make_bundle
from tests.modelisation.data.test_loaders import plain_folder
from tests.modelisation.tiny import SEGFORMER, TINY

FIELDS = {"name": "tiny", "description": "d", "limits": "l", "architecture": "segformer", "epochs": 2, "lr": 1e-3}
TINY_RECIPE = Recipe.model_validate(TINY | SEGFORMER)


@pytest.fixture
def run_dir(tmp_path):
    """A run's folder with a checkpoint, as an interrupted run leaves it."""
    path = tmp_path / "run"
    prepare_run_dir(Recipe.model_validate(FIELDS), path, resume=False)
    (path / FOLDER).mkdir()
    return path


def test_the_same_recipe_resumes(run_dir):
    prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)


def test_a_run_from_before_a_field_was_added_resumes(run_dir):
    copy = run_dir / RECIPE_COPY
    stored = yaml.safe_load(copy.read_text(encoding="utf-8"))
    del stored["schedule"], stored["augmentation"]["jpeg"]
    copy.write_text(yaml.safe_dump(stored), encoding="utf-8")
    prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)
    with pytest.raises(UserError, match="differs from this recipe in schedule"):
        prepare_run_dir(Recipe.model_validate(FIELDS | {"schedule": "cosine"}), run_dir, resume=True)


def test_another_recipe_is_refused_with_the_fields_that_differ(run_dir):
    other = Recipe.model_validate(FIELDS | {"epochs": 3, "augmentation": {"flip": 0.0}})
    with pytest.raises(UserError, match=r"differs from this recipe in epochs, augmentation; resume with the same"):
        prepare_run_dir(other, run_dir, resume=True)


def test_a_copy_that_is_no_recipe_is_named(run_dir):
    (run_dir / RECIPE_COPY).write_text("speed: 9\n", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"{run_dir / RECIPE_COPY}: ")):
        prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)


def save_bundle(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    """A bundle with a network's weights and card, as a run on scenes leaves them; the weights."""
    torch.manual_seed(seed)
    model = build_from_recipe(TINY_RECIPE)
    make_bundle(folder.parent, name=folder.name)  # its ONNX file, which training does not run
    save_file(model.state_dict(), folder / WEIGHTS_FILE)
    record = TrainingRecord(
        run_id="0a1b", git_commit="c", git_dirty=False, seed=1, recipe={}, dataset="scenes", split="train",
        split_sha256="s", data_licence="MIT", weights_licence="MIT", initialisation="random", epochs=1, steps=40,
        wall_time_s=1.0, packages={},
    )  # fmt: skip
    card = read_card(folder)
    changed = {
        "name": "drawn", "architecture": "segformer", "build": TINY_RECIPE.build, "training": record,
        "input": input_contract(model, TINY_RECIPE),
        "files": card.files | {WEIGHTS_FILE: sha256_of(folder / WEIGHTS_FILE)},
    }  # fmt: skip
    (folder / CARD_FILE).write_text(card.model_copy(update=changed).model_dump_json(), encoding="utf-8")
    return model.state_dict()


@pytest.mark.parametrize("place", ["run/bundle", "bundle"])
def test_training_begins_with_a_bundles_weights_and_says_whose(tmp_path, place):
    expected = save_bundle(tmp_path / place, seed=5)
    # A run's folder stands for the bundle in it.
    folder = tmp_path / place.removesuffix("/bundle")
    model = build_from_recipe(TINY_RECIPE.model_copy(update={"init_from": str(folder)}))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    assert model.initialisation == (
        f"weights of drawn (sha256 {sha256_of(tmp_path / place / WEIGHTS_FILE)[:12]}, run 0a1b, 40 steps on scenes "
        "train, terms: MIT; it began with random)"
    )
    assert model.steps_before == 40


def test_weights_of_another_network_are_refused(tmp_path):
    save_bundle(tmp_path / "bundle", seed=5)
    changes = {"init_from": str(tmp_path / "bundle"), "build": TINY_RECIPE.build | {"decoder_hidden_size": 24}}
    with pytest.raises(UserError, match="its segformer for street8 has other weights than the recipe's network"):
        build_from_recipe(TINY_RECIPE.model_copy(update=changes))


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match=r"init_from .*none: .* no such file.* train that run first, or name another"):
        build_from_recipe(TINY_RECIPE.model_copy(update={"init_from": str(tmp_path / "none")}))


def test_a_batch_that_the_pictures_do_not_fill_is_refused_before_they_are_read(tmp_path):
    model = build_from_recipe(TINY_RECIPE)
    one = open_dataset(plain_folder(tmp_path / "train", ("a",)).parent, "train")
    with pytest.raises(UserError, match=r"an epoch of 1 picture \(.* train\) holds no batch of 2; set"):
        training_data(TINY_RECIPE, one, model)
    repeated = TINY_RECIPE.model_copy(update={"epoch_samples": 2})
    assert training_data(repeated, one, model)[1].batches == 1


def test_a_network_that_cannot_learn_from_single_pictures_says_so(tmp_path):
    changes = {"architecture": "deeplabv3plus", "build": {"encoder_weights": None}, "batch_size": 1}
    recipe = Recipe.model_validate(TINY | changes)
    model = build_from_recipe(recipe)
    data = open_dataset(plain_folder(tmp_path / "train", ("a", "b")).parent, "train")
    with pytest.raises(UserError, match=r"batch_size 1: deeplabv3plus .* takes at least 2 pictures"):
        training_data(recipe, data, model)
    frozen = recipe.model_copy(update={"freeze_batchnorm_after": 0})
    assert training_data(frozen, data, model)[1].batches == 2


def test_other_classes_get_a_new_last_layer_which_is_said(tmp_path):
    trained = save_bundle(tmp_path / "bundle", seed=5)
    recipe = begin_with(TINY_RECIPE.model_copy(update={"build": {}, "architecture": "other"}), tmp_path / "bundle")
    own = class_set("camvid11").taxonomy
    torch.manual_seed(9)
    model = build_from_recipe(recipe, own)
    state = model.state_dict()
    changed = {
        name for name, old in trained.items() if old.shape != state[name].shape or not torch.equal(old, state[name])
    }
    assert changed == {"net.decode_head.classifier.weight", "net.decode_head.classifier.bias"}
    assert model.initialisation.endswith("; its last layer is new, for the classes of camvid11 in place of street8")


def test_as_many_classes_of_other_names_get_a_new_last_layer_too(tmp_path):
    trained = save_bundle(tmp_path / "bundle", seed=5)
    torch.manual_seed(9)
    model = build_from_recipe(begin_with(TINY_RECIPE, tmp_path / "bundle"), taxonomy_with_names("abcdefgh"))
    state = model.state_dict()
    assert not torch.equal(state["net.decode_head.classifier.weight"], trained["net.decode_head.classifier.weight"])


def taxonomy_with_names(names: str) -> Taxonomy:
    return Taxonomy(id="letters", classes=[{"id": i, "name": n, "color": (i, i, i)} for i, n in enumerate(names)])
