"""The real API, held in a state in which it cannot predict yet."""

from fastapi.testclient import TestClient

from back.main import create_app
from back.registry import ModelRegistry
from back.settings import Settings


def unready_api(mode: str) -> TestClient:
    """The real app without MLflow and without its background work; `mode` is one of the stand-in's."""
    app = create_app(Settings(mlflow_tracking_uri="http://127.0.0.1:9"))
    registry: ModelRegistry = app.state.services.registry
    registry.mlflow_error = "MLflow at http://127.0.0.1:9 does not answer." if mode == "cut_off" else None
    registry.synced = mode == "empty"
    if mode == "starting":
        registry.mlflow_error = "MLflow has not been asked yet; try again in a few seconds."
    return TestClient(app)
