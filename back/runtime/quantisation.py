"""What a card tells of a network in int8."""

from pydantic import BaseModel, ConfigDict, Field


class Quantisation(BaseModel):
    """How a network came to int8, and what that cost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: str = Field(description="the program that quantised, with its version")
    dataset: str = Field(description="of the photos that the scales were calibrated on")
    split: str
    split_sha256: str
    images: int
    source_sha256: str = Field(description="of the model.onnx in float that it was made from")
    layers: int = Field(description="convolutions and matrix products in int8")
    of_layers: int = Field(description="how many there are; the others stayed in float for the accuracy's sake")
    checked_on: str = Field(description="labelled photos that the mIoU below is of")
    miou: tuple[float, float] = Field(description="0..1, in fp32 and in int8, both by ONNX Runtime")
