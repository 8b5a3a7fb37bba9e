"""What a training run holds in MLflow beside its curves: its data, its final scores, the model that it made."""

import json
from pathlib import Path

import mlflow
import pytest

from back.runtime.card import read_card
from modelisation.recipe import Recipe
from modelisation.registry.bundles import register_bundle
from modelisation.training.fit import Interrupted, fit, train
from tests.modelisation.tiny import TINY, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    uri = f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    yield uri
    mlflow.end_run()


def recipe(**changes: object) -> Recipe:
    return Recipe.model_validate(TINY | changes)


def inputs_of(run: mlflow.entities.Run) -> dict[str, dict[str, str]]:
    """The tags of each input by its data set's name."""
    return {i.dataset.name: {tag.key: tag.value for tag in i.tags} for i in run.inputs.dataset_inputs}


def test_a_run_tells_its_data_before_its_first_epoch_is_done(data: Path, store: str, tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        fit(recipe(scenes=2, scenes_share=0.2, epochs=1), data, tmp_path / "run", on_epoch=stop)
    client = mlflow.MlflowClient(store)
    (run,) = client.search_runs([client.get_experiment_by_name("streetseg").experiment_id])
    told = {name: (tags["mlflow.data.context"], tags["pictures"]) for name, tags in inputs_of(run).items()}
    assert told == {
        "scenes train": ("training", "6"),
        "rendered scenes": ("training", "2"),
        "scenes val": ("evaluation", "2"),
    }
    assert run.data.tags["mlflow.note.content"] == (
        "for tests, trained on the 6 pictures of scenes train and 2 rendered scenes. "
        "It is validated on the 2 pictures of scenes val after each epoch."
    )


def test_a_run_holds_scores_and_model_and_says_so_elsewhere_too(data: Path, store: str, tmp_path: Path) -> None:
    bundle = train(recipe(epochs=1), data, tmp_path / "run", register=False, scores_only=True)
    card = read_card(bundle)
    client = mlflow.MlflowClient(store)
    assert list(client.search_registered_models()) == []
    run = client.get_run(card.training.run_id)
    assert run.data.metrics["miou_8"] == card.metrics.miou_8
    assert run.data.tags["mlflow.note.content"].startswith("for tests, trained for 1 epoch on the 6 pictures of")

    registered = register_bundle(bundle, tracking_uri=store, run_id=card.training.run_id)
    assert registered.run_id == card.training.run_id
    run = client.get_run(registered.run_id)
    assert run.data.metrics["miou_8"] == card.metrics.miou_8
    assert inputs_of(run)["scenes train"]["split_sha256"] == card.training.split_sha256
    (output,) = run.outputs.model_outputs
    source = client.get_model_version("tiny", registered.version).source
    assert client.get_logged_model(output.model_id).artifact_location == source
    assert "confusion_matrix.svg" in {file.path for file in client.list_artifacts(run.info.run_id)}

    other = f"sqlite:///{tmp_path / 'other.db'}"
    replayed = mlflow.MlflowClient(other).get_run(register_bundle(bundle, tracking_uri=other).run_id)
    assert replayed.data.tags["mlflow.note.content"] == run.data.tags["mlflow.note.content"]
    assert inputs_of(replayed) == inputs_of(run)
    assert replayed.data.metrics.items() >= {(k, v) for k, v in run.data.metrics.items() if "system" not in k}
    assert json.loads((bundle / "history.json").read_bytes())["tags"]["pictures"] == "6"
