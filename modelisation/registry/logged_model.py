"""A bundle as MLflow's "logged model": its files, beside the run that made it. Needs no torch."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.card import CARD_FILE, MLMODEL_FILE, Card
from modelisation.registry.mlmodel import write_mlmodel

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel


def log_model(
    client: "MlflowClient", bundle: Path, card: Card, run_id: str, tags: Mapping[str, str]
) -> "LoggedModel":
    """Store a bundle's files, and an MLmodel of our own, as an output of a run; each bundle is a model of its own.

    Raises:
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    from mlflow.entities import LoggedModelOutput

    experiment = client.get_run(run_id).info.experiment_id
    params = {
        "architecture": card.architecture,
        "taxonomy": card.taxonomy.id,
        "parameters": str(card.parameters),
        "multiply_adds": str(card.multiply_adds),
        "pixel_budget": str(card.input.pixel_budget),
    }
    model = client.create_logged_model(
        experiment, card.name, run_id, dict(tags), params, model_type="semantic segmentation"
    )
    try:
        for name in (CARD_FILE, *(name for name in card.files if name != MLMODEL_FILE)):
            client.log_model_artifact(model.model_id, str(bundle / name))
        with tempfile.TemporaryDirectory() as scratch:
            path = write_mlmodel(bundle, card, Path(scratch), run_id=run_id, model_id=model.model_id)
            client.log_model_artifact(model.model_id, str(path))
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, card.training.epochs if card.training else 0)])
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    return client.finalize_logged_model(model.model_id, "READY")


def name_version(client: "MlflowClient", model_id: str, name: str, version: str) -> None:
    """Tell a logged model as which version it is registered; where there is no server, MLflow does not do it."""
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": json.dumps([{"name": name, "version": version}])})
