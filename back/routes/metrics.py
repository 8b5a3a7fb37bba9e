"""GET /metrics: Prometheus."""

from fastapi import APIRouter, Response

from back.services import ServicesDep

router = APIRouter(tags=["operation"])


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def get_metrics(services: ServicesDep) -> Response:
    """Requests and their time by route, time by model and stage, the queue, and which models serve."""
    metrics, registry = services.metrics, services.registry
    metrics.admitted.set(services.workers.admitted)
    metrics.working.set(services.workers.working)
    metrics.mlflow_up.set(registry.mlflow_error is None)
    metrics.model_ready.clear()
    for name, model in registry.catalogue.items():
        served, wanted = registry.served.get(name), model.preferred_version()
        version = served.version.version if served else wanted.version if wanted else ""
        metrics.model_ready.labels(name, version).set(served is not None)
    body, media_type = metrics.exposition()
    return Response(body, media_type=media_type)
