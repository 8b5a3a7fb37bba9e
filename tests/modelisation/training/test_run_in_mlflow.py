"""What a training run holds in MLflow beside its curves, before its scores are known."""

from pathlib import Path

import mlflow
import pytest

from modelisation.recipe import Recipe
from modelisation.training.fit import Interrupted, fit
from tests.modelisation.tiny import TINY, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def store(tracking_uri: str) -> str:
    yield tracking_uri
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
