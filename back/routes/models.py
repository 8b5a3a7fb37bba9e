"""GET /models and GET /models/{name}: what is registered, what serves it, how good it is."""

from typing import Any

from fastapi import APIRouter

from back.catalogue import ModelVersion, RegisteredModel
from back.loading import Served
from back.problems import responses
from back.registry import loading_sentence
from back.schemas import EngineInfo, ModelDetail, ModelEntry, ModelsAnswer
from back.services import ServicesDep

router = APIRouter(tags=["models"])


@router.get("/models", summary="List the models", response_model=ModelsAnswer)
async def list_models(services: ServicesDep) -> ModelsAnswer:
    """Every registered model, those that could not be loaded included, with the reason."""
    registry = services.registry
    entries = [
        ModelEntry(**_entry(model, registry.served.get(name), registry.errors.get(name)))
        for name, model in registry.catalogue.items()
    ]
    pictures = services.settings.dataset_dir is not None
    return ModelsAnswer(default=registry.default, pictures=pictures, stale_s=registry.stale_s, models=entries)


@router.get(
    "/models/{name:path}",
    summary="One model with its card and report",
    response_model=ModelDetail,
    responses=responses(404, 422, 503),
)
async def get_model(name: str, services: ServicesDep) -> ModelDetail:
    """`name` may be `name@alias` or `name/version` too, which loads that version beside the others."""
    registry = services.registry
    model = registry.catalogue.get(name)
    if model is not None and name not in registry.served:  # registered, but not ready: say why instead of 503
        return ModelDetail(**_entry(model, None, registry.errors.get(name)), card=None, report=None)
    served = await services.find_model(name)
    model = registry.catalogue[served.name]
    error = registry.errors.get(served.name) if name == served.name else None
    report = None if served.report is None else dict(served.report)
    return ModelDetail(**_entry(model, served, error), card=served.predictor.card, report=report)


def _entry(model: RegisteredModel, served: Served | None, error: str | None) -> dict[str, Any]:
    wanted: ModelVersion | None = model.preferred_version() if served is None else served.version
    entry: dict[str, Any] = dict.fromkeys(ModelEntry.model_fields)
    entry |= {"name": model.name, "ready": served is not None, "loading": False, "error": error}
    if wanted is not None:
        entry |= {
            "version": wanted.version,
            "alias": model.alias_of(wanted.version),
            "run_id": wanted.run_id,
        }
    if served is None:
        if error is None:
            entry |= {"error": loading_sentence([model.name]), "loading": True}
        return entry
    predictor, card = served.predictor, served.predictor.card
    training, origin = card.training, card.origin
    return entry | {
        "sha256": predictor.sha256,
        "architecture": card.architecture,
        "taxonomy": card.taxonomy.id,
        "description": card.description,
        "engine": EngineInfo(
            name=predictor.engine.name, precision=predictor.engine.precision, reason=predictor.engine.reason
        ),
        "metrics": card.metrics,
        "parameters": card.parameters,
        "multiply_adds": card.multiply_adds,
        "file_size_bytes": served.file_size_bytes,
        "temperature": card.temperature,
        "calibration": card.calibration,
        "familiarity": card.familiarity,
        "pixel_budget": predictor.pixel_budget,
        "data_licence": training.data_licence if training else None,
        "weights_licence": training.weights_licence if training else origin.licence if origin else None,
    }
