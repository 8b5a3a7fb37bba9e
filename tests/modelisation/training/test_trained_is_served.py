"""The network in the trainer's memory is the one that is served, whatever its weights decided about its build."""

import copy
import shutil

import mlflow
import numpy as np
import pytest
import torch

from back.runtime.card import BundleError, read_card
from back.runtime.predictor import Predictor
from modelisation.models import ARCHITECTURES, load_bundle_model
from modelisation.models.predict import normalise
from modelisation.recipe import Recipe
from modelisation.scenes.render import render_scene
from modelisation.training import fit as training
from tests.bundles import rewrite_card
from tests.modelisation.tiny import TINY, write_data

BUILDS = {
    "deeplabv3plus": {"encoder_name": "timm-tf_efficientnet_lite0", "encoder_weights": "package"},
    "segformer": TINY["build"],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def trained(request, data, empty_database, tmp_path_factory):
    """A run's bundle, and the network as it was in memory when the last weights were written."""
    folder = tmp_path_factory.mktemp(request.param)
    recipe = Recipe.model_validate(
        TINY | {"architecture": request.param, "build": BUILDS[request.param], "epochs": 1, "name": "tiny"}
    )
    kept = {}
    original = training.save_run
    with pytest.MonkeyPatch.context() as patch:
        shutil.copy(empty_database, folder / "mlflow.db")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")

        def keep(model, *args):
            kept["model"] = copy.deepcopy(model).eval()
            original(model, *args)

        patch.setattr(training, "save_run", keep)
        bundle = training.train(recipe, data, folder / "run", register=False, scores_only=True)
    mlflow.end_run()
    return kept["model"], bundle


def test_the_served_scores_are_those_of_the_network_in_memory(trained):
    model, bundle = trained
    predictor = Predictor.load(bundle, precision="fp32")
    image = render_scene(7, 64, 128).image[None]
    with torch.no_grad():
        expected = model(normalise(torch.from_numpy(image.copy()), predictor.card.input))[0].numpy()
    served = np.asarray(predictor.engine.run(image))
    assert np.abs(served - expected).max() <= 1e-3 * np.ptp(expected)
    with torch.no_grad():
        again = load_bundle_model(bundle)(normalise(torch.from_numpy(image.copy()), predictor.card.input))[0]
    assert np.abs(again.numpy() - expected).max() <= 1e-4 * np.ptp(expected)


def test_a_card_that_builds_another_network_than_the_trained_one_is_refused(trained):
    _, bundle = trained
    build = read_card(bundle).build
    rewrite_card(bundle, build=build | {"of_another_run": 1})
    with pytest.raises(BundleError, match="differs from that of the trained weights in of_another_run"):
        load_bundle_model(bundle)
    rewrite_card(bundle, build=build)
