"""Data with hardly a label or hardly a picture: a run goes on, or is refused in a sentence before it starts."""

import json
import math
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.recipe import Recipe
from modelisation.training.fit import fit
from modelisation.training.validate import _mean_loss
from tests.modelisation.tiny import TINY


def write_split(folder: Path, labels: list[int | None]) -> None:
    """Pictures whose label is one id throughout; None: ignored."""
    rng = np.random.default_rng(0)
    for i, value in enumerate(labels):
        for kind, pixels in (
            ("images", rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)),
            ("labels", np.full((64, 96), 255 if value is None else value, np.uint8)),
        ):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{chr(97 + i)}_{i}.png")


def history(run_dir: Path) -> dict[str, list[list[float]]]:
    return json.loads((run_dir / "history.json").read_text(encoding="utf-8"))["metrics"]


def logged_runs(tracking_uri: str) -> list[mlflow.entities.Run]:
    client = mlflow.MlflowClient(tracking_uri)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def run(data: Path, run_dir: Path, **changes: object) -> dict[str, list[list[float]]]:
    fit(Recipe.model_validate(TINY | {"epochs": 1} | changes), data, run_dir)
    metrics = history(run_dir)
    assert all(math.isfinite(point[1]) for points in metrics.values() for point in points)
    return metrics


@pytest.mark.parametrize("parts", [{"dice": 0.3, "lovasz": 0.3}, {"ohem": 0.25}])
def test_training_goes_on_where_most_pictures_have_no_label(tracking_uri, tmp_path, parts):
    write_split(tmp_path / "data" / "train", [None, None, None, None, None, 3])
    write_split(tmp_path / "data" / "val", [None, 3])
    assert run(tmp_path / "data", tmp_path / "run", loss=parts)["train_loss"][0][1] > 0


def test_one_picture_to_train_on_and_one_to_validate_on_are_enough(tracking_uri, tmp_path):
    write_split(tmp_path / "data" / "train", [0])
    write_split(tmp_path / "data" / "val", [3])
    run(tmp_path / "data", tmp_path / "run", batch_size=1)


def test_a_folder_without_splits_is_trained_on_and_its_split_recorded(tracking_uri, tmp_path):
    write_split(tmp_path / "data", [0, 1, 2, 3, 4])
    run(tmp_path / "data", tmp_path / "run")
    (logged,) = logged_runs(tracking_uri)
    split = json.loads(mlflow.artifacts.load_text(f"{logged.info.artifact_uri}/splits.json"))
    assert sorted(split["train"] + split["val"]) == ["a_0", "b_1", "c_2", "d_3", "e_4"]
    assert len(split["val"]) == 1
    assert "comes without splits" in split["rule"]


def test_a_split_that_is_ignored_throughout_is_refused_before_the_run_is_logged(tracking_uri, tmp_path):
    write_split(tmp_path / "data" / "train", [0, 1])
    write_split(tmp_path / "data" / "val", [None, None])
    with pytest.raises(DatasetError, match="split val teaches and scores nothing"):
        run(tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run" / "history.json").exists()
    assert logged_runs(tracking_uri) == []


@pytest.mark.parametrize(("losses", "mean"), [([math.nan] * 2, 0.0), ([math.nan, 2.0, 4.0], 3.0), ([1.0], 1.0)])
def test_pictures_whose_labels_vanish_at_the_scores_resolution_do_not_count(losses, mean):
    assert _mean_loss(losses) == mean
