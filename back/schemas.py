"""What the API answers, as pydantic models: they make the JSON and its description on /docs."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from back.runtime.card import Calibration, Card, Metrics
from back.runtime.familiarity import Familiarity


class Answer(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class EncodedImage(Answer):
    """A PNG as text."""

    output: Literal[
        "mask", "overlay", "classes", "confidence", "cutout", "disagreement", "errors", "outcome", "truth"
    ]
    media_type: Literal["image/png"] = "image/png"
    base64: str = Field(description="the bytes of the PNG file, base64", examples=["iVBORw0KGgo…"])


class PredictionAnswer(Answer):
    """One model's view of one photo."""

    model: str = Field(examples=["segformer"])
    version: str = Field(examples=["1"])
    sha256: str = Field(description="of the model's weights file, model.onnx")
    width: int = Field(examples=[2048])
    height: int = Field(examples=[1024])
    timings_ms: dict[str, float] = Field(
        description="decode, resize, infer, argmax, confidence where it was asked for, encode and total, in "
        "milliseconds",
        examples=[{"decode": 21.0, "resize": 9.1, "infer": 105.2, "argmax": 4.4, "encode": 6.0, "total": 147.9}],
    )
    class_shares: dict[str, float] = Field(
        description="fraction of the photo's pixels that each class covers",
        examples=[{"road": 0.41, "sidewalk": 0.06, "building": 0.28}],
    )
    familiarity: float | None = Field(
        description="how like the training streets the photo is: 0 as the mean of streets, negative less so; null "
        "where the model's card does not say how to tell"
    )
    unfamiliar: bool | None = Field(description="whether the photo is so unlike them that much may be wrong")
    image: EncodedImage


class Pair(Answer):
    """How far two models agree on one photo.

    Of two class sets, one of which groups the other, the coarser is compared; else classes are compared by name.
    """

    a: str
    b: str
    pixel_agreement: float = Field(description="fraction of the pixels that both give the same class", ge=0, le=1)
    counted_in: str | None = Field(
        examples=["street8"],
        description="the coarser class set that is compared; null where classes are the same or compared by name",
    )
    confusion_matrix: list[list[int]] = Field(description="pixels; rows are classes of a, columns classes of b")


class CountedScores(Answer):
    """A model's scores in the coarser classes that all models compared share."""

    taxonomy: str = Field(examples=["street8"])
    miou: float | None
    pixel_accuracy: float | None
    class_iou: dict[str, float | None]


class LabelScores(Answer):
    """One model against the label file; fractions 0..1, null where a class has no pixel."""

    taxonomy: str = Field(examples=["street8"], description="the model's classes; scores of others do not compare")
    miou: float | None
    pixel_accuracy: float | None
    class_iou: dict[str, float | None]
    confusion_matrix: list[list[int]] = Field(description="pixels; rows are the label, columns the model")
    errors: EncodedImage = Field(
        description="8-bit grey PNG: 255 where the model is wrong, 0 where right or unlabelled"
    )
    counted: CountedScores | None = Field(
        default=None, description="only where the models' classes differ and one set groups the others"
    )


class Outcomes(Answer):
    """Which of two models is right, where the label file says something for both; numbers are pixels."""

    a: str
    b: str
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    outcome: EncodedImage = Field(
        description="8-bit grey PNG: 0 where both are right, 1 where only a is, 2 only b, 3 neither; 4: no label"
    )


class LabelAnswer(Answer):
    models: dict[str, LabelScores]
    pairs: list[Outcomes]
    truth: dict[str, EncodedImage] = Field(
        description="the label in the classes of each class set of the models, by its id: 8-bit grey, 255 where none"
    )


class LabelValuesAnswer(Answer):
    """What the pixels of a label file hold."""

    values: dict[str, list[int] | None] = Field(
        description="by each label_taxonomy, the values that /compare would read; null where the file's palette does "
        "not say which ids it means",
        examples=[{"street8": [0, 2, 6, 255], "camvid11": None}],
    )


class CompareAnswer(Answer):
    """Several models on one photo."""

    width: int
    height: int
    decode_ms: float
    models: list[PredictionAnswer]
    pairs: list[Pair]
    disagreement: EncodedImage | None = Field(description="8-bit grey PNG: 255 where not all models agree")
    label: LabelAnswer | None


class EngineInfo(Answer):
    name: str = Field(examples=["openvino"])
    precision: str = Field(examples=["bf16"])
    reason: str = Field(examples=["OpenVINO is the fastest engine on processors"])


class ModelEntry(Answer):
    """A registered model and, when it is ready, what serves it."""

    name: str = Field(examples=["segformer"])
    version: str | None = Field(description="the version served, else the one that should be", examples=["1"])
    alias: str | None = Field(examples=["champion"])
    sha256: str | None
    architecture: str | None
    taxonomy: str | None = Field(examples=["street8"])
    description: str | None
    ready: bool
    loading: bool = Field(description="it is being loaded for the first time and will be ready, or fail, in seconds")
    error: str | None = Field(
        description="why the wanted version does not serve; an older one may, then ready is true"
    )
    engine: EngineInfo | None
    metrics: Metrics | None
    parameters: int | None
    multiply_adds: int | None
    file_size_bytes: int | None = Field(description="size of model.onnx")
    temperature: float | None = Field(
        description="of output=confidence; 1 also where calibration is null, which means that none was fitted"
    )
    calibration: Calibration | None = Field(description="what the temperature was fitted on")
    familiarity: Familiarity | None = Field(
        description="how a photo unlike the training streets is told, and how well"
    )
    pixel_budget: int | None = Field(description="pixels of the network's input, before padding")
    run_id: str | None = Field(description="MLflow run that the version belongs to; see /runs/{run_id}")
    data_licence: str | None
    weights_licence: str | None


class ModelsAnswer(Answer):
    default: str | None = Field(description="answers when a request names no model")
    pictures: bool = Field(description="/images has pictures: STREETSEG_DATASET_DIR names a data set")
    stale_s: float | None = Field(
        default=None, description="seconds since MLflow said so, where it does not answer now; null while it answers"
    )
    models: list[ModelEntry]


class ModelDetail(ModelEntry):
    card: Card | None = Field(description="model.json of the bundle")
    report: dict[str, Any] | None = Field(description="report.json of the bundle: evaluation, parity, robustness")


class ScoreDifference(Answer):
    """IoU of b less that of a, a fraction; low and high are null with fewer than min_blocks blocks."""

    difference: float = Field(examples=[0.012])
    low: float | None = Field(examples=[0.001])
    high: float | None = Field(examples=[0.02])


class DifferencesAnswer(Answer):
    """How far the evaluations of two models are apart, b less a, with bootstrap intervals."""

    a: str = Field(description="as it was asked for", examples=["segformer"])
    b: str = Field(examples=["deeplabv3plus"])
    taxonomy: str = Field(examples=["street8"], description="the classes that both are counted in")
    finer: list[str] = Field(
        default_factory=list, description="models that predict finer classes, which the other's group"
    )
    dataset: str = Field(examples=["camvid"])
    split: str = Field(examples=["val"])
    images: int
    blocks: int = Field(description="independent stretches of video that the images come from")
    min_blocks: int = Field(description="how many of them an interval takes")
    level: float = Field(description="coverage of the intervals, a fraction", examples=[0.95])
    mean: ScoreDifference = Field(description="of mIoU")
    classes: dict[str, ScoreDifference] = Field(
        description="of each class's IoU, without classes that have no pixel in either record"
    )


class RunEntry(Answer):
    """A training run in MLflow, with the last value of each metric."""

    run_id: str
    name: str
    status: str = Field(examples=["FINISHED"])
    start_time: int | None = Field(description="milliseconds since 1970")
    end_time: int | None
    model: str | None = Field(description="registered model that this run made")
    version: str | None
    params: dict[str, str]
    metrics: dict[str, float | None] = Field(description="null where MLflow holds NaN or infinity")
    tags: dict[str, str]
    url: str | None = Field(description="the run in MLflow's own pages")


class RunsAnswer(Answer):
    mlflow_ui_url: str | None
    experiment_id: str | None
    runs: list[RunEntry]


class Point(Answer):
    step: int
    value: float | None
    timestamp: int = Field(description="milliseconds since 1970")


class RunDetail(RunEntry):
    history: dict[str, list[Point]] = Field(description="every value of each metric, by step")
    panel: list[int] = Field(
        description="epochs after which pictures of the validation split were kept; /runs/{run_id}/panel has them"
    )


class HealthAnswer(Answer):
    status: Literal["ok"] = "ok"


class ReadyAnswer(Answer):
    status: Literal["ready"] = "ready"
    models: list[str]
    warning: str | None = Field(
        default=None, description="only where something is amiss that does not keep it from predicting"
    )
