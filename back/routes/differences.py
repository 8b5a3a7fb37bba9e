"""GET /differences: is one model better than another, as far as the images of their evaluation can tell?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from back.evaluations import ComparisonError, Evaluated, EvaluationDifferences, differences_of
from back.loading import Served
from back.problems import Problem, responses
from back.runtime.scores.bootstrap import LEVEL, MIN_BLOCKS, Difference
from back.schemas import DifferencesAnswer, ScoreDifference
from back.services import Services, ServicesDep

router = APIRouter(tags=["models"])
_KEPT = 64  # pairs of versions whose differences are kept: a version never changes


class DifferencesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: str = Field(max_length=300, description="name, name@alias or name/version", examples=["segformer"])
    b: str = Field(max_length=300, description="the model that a is taken from", examples=["deeplabv3plus"])


@router.get(
    "/differences",
    summary="Differences between two models' evaluations",
    response_model=DifferencesAnswer,
    responses=responses(404, 409, 422, 503),
)
async def get_differences(
    request: Request, services: ServicesDep, query: Annotated[DifferencesQuery, Query()]
) -> DifferencesAnswer:
    """IoU of b less that of a, for the mean and each class, with intervals of a paired block bootstrap.

    Whole stretches of video are drawn, because neighbouring frames show the same street; with too few of them there
    is no interval. Both models must have been evaluated on the same images with the same classes.
    """
    async with services.workers.admit():
        a, b = await services.find_model(query.a), await services.find_model(query.b)
        key = (a.version, b.version)
        if key not in services.differences:
            services.differences[key] = await _work_out(request, services, query, a, b)
            while len(services.differences) > _KEPT:
                services.differences.pop(next(iter(services.differences)))
        found = services.differences[key]
    classes = zip(found.taxonomy.names, found.scores.classes, strict=True)
    return DifferencesAnswer(
        a=query.a,
        b=query.b,
        taxonomy=found.taxonomy.id,
        finer=list(found.finer),
        dataset=found.dataset,
        split=found.split,
        images=found.images,
        blocks=found.scores.mean.blocks,
        min_blocks=MIN_BLOCKS,
        level=LEVEL,
        mean=_shown(found.scores.mean),
        classes={name: _shown(difference) for name, difference in classes if difference is not None},
    )


async def _work_out(
    request: Request, services: Services, query: DifferencesQuery, a: Served, b: Served
) -> EvaluationDifferences:
    first, second = (
        Evaluated(name, served.report, served.predictor.card.taxonomy)
        for name, served in ((query.a, a), (query.b, b))
    )
    async with services.workers.turn(request.is_disconnected):
        try:
            return await services.workers.run(differences_of, first, second)
        except ComparisonError as error:
            raise Problem(409, f"{error}; evaluate both on one split with the same classes.") from error


def _shown(difference: Difference) -> ScoreDifference:
    return ScoreDifference(difference=difference.estimate, low=difference.low, high=difference.high)
