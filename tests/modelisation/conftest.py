"""Fixtures of the training tier's tests."""

import shutil
from pathlib import Path

import pytest

from modelisation.evaluation import no_streets
from modelisation.export import carry
from tests.api import empty_database
from tests.modelisation.convolutions import make_known

__all__ = ["empty_database"]

make_known()


@pytest.fixture
def tracking_uri(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty MLflow store of the test's own, the one that training logs to."""
    folder = tmp_path / "store"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far a model carries is measured on one small scene: rendering three dozen takes too long."""
    monkeypatch.setattr(carry, "SHAPES", ((96, 64),))
    monkeypatch.setattr(carry, "SCENES", 1)
    monkeypatch.setattr(no_streets, "COUNT", 1)
