"""GET /classes: what the ids in a label map mean."""

from fastapi import APIRouter

from back.problems import responses
from back.runtime.taxonomy import Taxonomy
from back.services import ServicesDep

router = APIRouter(tags=["models"])


@router.get(
    "/classes", summary="Classes and colours of a model", response_model=Taxonomy, responses=responses(404, 422, 503)
)
async def get_classes(services: ServicesDep, model: str | None = None) -> Taxonomy:
    """The taxonomy of a model: the id of each class in `output=classes`, and its colour in `output=mask`."""
    return (await services.find_card(model)).taxonomy
