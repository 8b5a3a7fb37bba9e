"""GET /healthz and /readyz: for load balancers and supervisors."""

from fastapi import APIRouter

from back.problems import Problem, responses
from back.schemas import HealthAnswer, ReadyAnswer
from back.services import ServicesDep

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Is the process alive", response_model=HealthAnswer)
async def healthz() -> HealthAnswer:
    """Answers at once, also while all processors infer."""
    return HealthAnswer()


@router.get(
    "/readyz",
    summary="Can it predict",
    response_model=ReadyAnswer,
    response_model_exclude_none=True,
    responses=responses(503),
)
async def readyz(services: ServicesDep) -> ReadyAnswer:
    """200 when every registered model was loaded (or has failed to load) and at least one serves; else 503 with the
    reason. Stays 200 while MLflow is away: what is loaded keeps serving, and `warning` says what is amiss."""
    reason = services.registry.reason_not_ready()
    if reason is not None:
        cause, sentence = reason
        raise Problem(503, sentence, retry_after_s=2, cause=cause)
    return ReadyAnswer(models=sorted(services.registry.served), warning=services.overdue)
