"""What the API answers of jobs: clips and evaluations that are worked on in the background."""

from typing import Literal

from pydantic import Field

from back.schemas import Answer


class ClipFacts(Answer):
    """What a clip's header says."""

    width: int = Field(description="of the upright frames, pixels")
    height: int
    seconds: float | None
    frames: int | None = Field(description="an estimate in some files; null where the header does not say")
    codec: str = Field(examples=["H.264"])
    sound: bool


class EvaluationFacts(Answer):
    """What was found in the photos and labels of an evaluation."""

    folder: str | None = Field(description="of the server; null where files were sent", examples=["camvid"])
    layout: str = Field(examples=["cityscapes", "camvid", "folder", "loose"])
    splits: list[str]
    split: str = Field(description="whose pictures are counted", examples=["val"])
    pictures: int = Field(description="photos with labels")
    unlabelled: int = Field(description="photos without")
    pairs: list[tuple[str, str]] = Field(description="the first photos and their labels, by file name")
    left_out: list[str] = Field(description="sentences on files that are not used")
    label_kind: str | None = Field(
        description="what the labels' values are taken for; null while nobody has said so", examples=["camvid11"]
    )
    label_kinds: list[str] = Field(description="what they may be for these models, the likeliest first")
    values: list[int] = Field(description="values in some of the labels")
    clips: Literal["names", "none"]
    table: str | None = Field(description="a CSV file beside the pictures")


class FoldersAnswer(Answer):
    """Data sets beside the API."""

    folders: list[str] = Field(examples=[["camvid", "cityscapes"]])


class JobAnswer(Answer):
    """A clip or an evaluation, worked on in the background."""

    id: str
    kind: Literal["clip", "evaluation"]
    state: Literal["held", "queued", "running", "done", "failed"] = Field(
        description="held: an evaluation that waits for POST /evaluations/{job_id}"
    )
    model: str = Field(examples=["segformer"])
    version: str = Field(examples=["1"])
    other: str | None = Field(description="the second model of an evaluation")
    clip: ClipFacts | None = Field(description="of a clip")
    evaluation: EvaluationFacts | None = Field(description="of an evaluation")
    ahead: int = Field(description="jobs that come before it")
    frames: int = Field(description="frames labelled or photos scored so far")
    progress: float | None = Field(
        description="fraction that is done; null where the length is not known", ge=0, le=1
    )
    images_per_s: float | None = Field(description="frames or photos a second, over the last seconds")
    seconds_left: float | None = Field(description="that it will take from now on, at this pace")
    error: str | None = Field(description="why it failed")
    notes: list[str] = Field(description="what of the clip or the table could not be used, in sentences")
    files: dict[str, str] = Field(
        description="paths. Of a clip overlay, classes and shares when it is done, preview and the clip itself while "
        "it runs, too, and then growing: the overlay as far as it has come, without sound; of an evaluation that is "
        "done result and pictures",
        examples=[{"overlay": "/jobs/Zx3…/overlay.mp4", "shares": "/jobs/Zx3…/shares.csv"}],
    )
    created: float = Field(description="seconds since 1970")
    kept_until: float | None = Field(description="seconds since 1970; null until it is done")
