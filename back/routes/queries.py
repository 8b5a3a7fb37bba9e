"""Fields that the queries and forms of several routes have."""

from typing import Annotated

from pydantic import Field

PHOTO = "the photo: JPEG, PNG, WEBP, HEIC or AVIF; its orientation is applied"
WantedModel = Annotated[
    str | None,
    Field(
        max_length=300,
        description="name, name@alias or name/version; default: the server's default model",
        examples=["segformer"],
    ),
]
Opacity = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="of the overlay's colours")]
