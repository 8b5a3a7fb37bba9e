"""What the API answers about pictures that it keeps or that lie beside it: evaluated images, and shared photos."""

from pydantic import Field

from back.schemas import Answer


class EvaluatedImageAnswer(Answer):
    """An image that a model was evaluated on; pictures are files as base64, all of one size."""

    name: str = Field(examples=["0016E5_07959"])
    width: int = Field(description="of the photo itself, pixels")
    height: int
    photo: str = Field(description="JPEG, upright")
    truth: str | None = Field(description="grey PNG of the label's class ids, 255 where none is; null: see note")
    prediction: str = Field(description="grey PNG of the model's class ids")
    error_share: float | None = Field(description="of the labelled pixels, how many the model gives another class")
    note: str | None = Field(description="why the truth is not shown, where a label is there")


class SharedModel(Answer):
    """A model that was asked about a shared photo."""

    model: str = Field(examples=["segformer"])
    version: str = Field(examples=["1"])
    sha256: str


class SharedLabel(Answer):
    """The label file that came with a shared photo."""

    name: str = Field(description="of its file", examples=["street_labels.png"])
    taxonomy: str = Field(description="what its values mean", examples=["street8"])
    file: str = Field(description="path of the file")


class SharedAnswer(Answer):
    """A photo that was shared by a link."""

    id: str
    name: str = Field(description="of its file", examples=["street.jpg"])
    width: int
    height: int
    models: list[SharedModel]
    photo: str = Field(description="path of the file")
    comparison: str = Field(description="path of what the models said, against the label where there is one")
    label: SharedLabel | None = Field(description="null where none came with the photo")
    created: float = Field(description="seconds since 1970")
    kept_until: float = Field(description="when it is deleted, seconds since 1970")
    delete_token: str | None = Field(description="with which it may be deleted; told once, to who made it")
