"""Tiny but complete model bundles for tests: a network that labels each pixel with the class of the nearest colour.

What it answers can be known beforehand: a picture painted in the taxonomy's colours comes back as its class ids.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.numpy import save_file

from back.runtime.card import (
    CARD_FILE,
    HISTORY_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    Card,
    InputContract,
    Metrics,
    ResizeFilter,
    SelfTest,
    TrainingRecord,
    sha256_of,
)
from back.runtime.familiarity import Familiarity
from back.runtime.imaging import plan_resize, to_input
from back.runtime.taxonomy import CITYSCAPES19, STREET8, ClassInfo, Taxonomy
from tests.dense import upsample_dense

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
_FIRST_METRICS = {"train_loss": 1.5, "val_loss": 1.4, "val_miou": 0.3, "val_pixel_accuracy": 0.5}


def make_bundle(
    folder: Path,
    *,
    name: str = "nearest-colour",
    classes: int = 8,
    score_stride: int = 4,
    stride: int = 32,
    pixel_budget: int = 128 * 256,
    resize_filter: ResizeFilter = "bilinear",
    fixed_size: tuple[int, int] | None = None,
    miou: float = 0.5,
    bias: float = 0.0,
    parity: bool = True,
    familiarity: Familiarity | None = None,
) -> Path:
    """Write a valid bundle into `folder / name` and return that path.

    Args:
        classes: 8 gives street8, 19 cityscapes19, any other number made-up classes with distinct colours.
        score_stride: input pixels per score.
        fixed_size: (height, width) of a model whose input is not dynamic.
        miou: headline metric on the card and last value of the history.
        bias: added to all scores: changes the file and its sha256, not its labels.
        parity: carry a passed parity report, which `champion` asks for.
        familiarity: how the card says that photos unlike streets are told.
    """
    bundle = folder / name
    bundle.mkdir(parents=True, exist_ok=True)
    taxonomy = taxonomy_of(classes)
    contract = InputContract(
        mean=MEAN,
        std=STD,
        resize_filter=resize_filter,
        stride=stride,
        score_stride=score_stride,
        pixel_budget=pixel_budget,
        fixed_size=fixed_size,
    )
    weight, offset = _nearest_colour_weights(taxonomy)
    onnx.save(_network(weight, offset + bias, contract), str(bundle / ONNX_FILE))
    save_file({"head.weight": weight, "head.bias": offset + bias}, bundle / WEIGHTS_FILE)
    (bundle / HISTORY_FILE).write_text(json.dumps(_history(name, taxonomy, miou)), encoding="utf-8")
    metrics = _metrics(taxonomy, miou)
    passed = {"model_sha256": sha256_of(bundle / ONNX_FILE), "passed": True, "engines": []} if parity else None
    report = {"schema_version": 1, "evaluation": metrics.model_dump(), "parity": passed, "robustness": None}
    (bundle / REPORT_FILE).write_text(json.dumps(report), encoding="utf-8")
    files = (ONNX_FILE, WEIGHTS_FILE, HISTORY_FILE, REPORT_FILE)
    card = Card(
        name=name,
        architecture="nearest-colour",
        build={"classes": classes},
        description="Labels each pixel with the class of the nearest colour.",
        limits="Knows colours, not streets.",
        taxonomy=taxonomy,
        input=contract,
        parameters=weight.size + offset.size,
        multiply_adds=weight.size * pixel_budget // score_stride**2,
        metrics=metrics,
        training=training_record(miou),
        familiarity=familiarity,
        self_test=_self_test(taxonomy, contract, weight, offset),
        files={file: sha256_of(bundle / file) for file in files},
    )
    (bundle / CARD_FILE).write_text(card.model_dump_json(indent=2), encoding="utf-8")
    return bundle


def familiarity_of(below: float, classes: int = 8) -> Familiarity:
    """Streets of which every class lies everywhere, and whose contrast is 0; what is below that is unlike them."""
    return Familiarity(
        unfamiliar_below=below,
        contrast=(0.0, 1.0),
        placing=(-float(np.log(classes)), 1.0),
        where=((1 / classes,) * classes,) * 8,
        where_of="scenes train",
        set_on="36 rendered scenes",
        false_alarms={"scenes val": 0.05},
        noticed={"noise": 1.0},
    )


def rewrite_card(bundle: Path, **changes: object) -> Path:
    """Change top-level fields of a bundle's card, for instance to break it; returns the bundle."""
    path = bundle / CARD_FILE
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return bundle


def taxonomy_of(classes: int) -> Taxonomy:
    """street8, cityscapes19, or `classes` made-up classes whose colours lie apart."""
    if classes in (8, 19):
        return STREET8 if classes == 8 else CITYSCAPES19
    steps = np.linspace(0, 255, int(np.ceil(classes ** (1 / 3)))).round().astype(int)
    colours = [(int(r), int(g), int(b)) for r in steps for g in steps for b in steps][:classes]
    infos = tuple(ClassInfo(id=i, name=f"class {i}", color=c) for i, c in enumerate(colours))
    return Taxonomy(id=f"made-up-{classes}", classes=infos)


def paint(labels_HW: npt.NDArray[np.uint8], taxonomy: Taxonomy) -> npt.NDArray[np.uint8]:
    """The picture, uint8 [height, width, 3], that the bundle's network labels with `labels_HW`."""
    return np.array([c.color for c in taxonomy.classes], np.uint8)[labels_HW]


def stripes(height: int, width: int, classes: int) -> npt.NDArray[np.uint8]:
    """A label map of `classes` vertical stripes, uint8 [height, width]."""
    return np.tile((np.arange(width) * classes // width).astype(np.uint8), (height, 1))


def png_bytes(array: npt.NDArray[np.uint8]) -> bytes:
    """An RGB or grey array as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def _nearest_colour_weights(taxonomy: Taxonomy) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """1x1 convolution on normalised colours whose score of class c is |x|^2 - |x - colour_c|^2 = 2 x.c - |c|^2."""
    colours = np.array([c.color for c in taxonomy.classes]) / 255
    weight = 2 * colours * np.array(STD)
    offset = 2 * colours @ np.array(MEAN) - (colours**2).sum(1)
    return weight.astype(np.float32)[:, :, None, None], offset.astype(np.float32)


def _network(
    weight: npt.NDArray[np.float32], offset: npt.NDArray[np.float32], contract: InputContract
) -> onnx.ModelProto:
    size = contract.fixed_size or ("height", "width")
    step = [contract.score_stride] * 2
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=step, strides=step),
            helper.make_node("Conv", ["pooled", "weight", "offset"], ["scores"]),
        ],
        "nearest_colour",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, *size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(offset), None, None])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(offset, "offset")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _self_test(
    taxonomy: Taxonomy,
    contract: InputContract,
    weight: npt.NDArray[np.float32],
    offset: npt.NDArray[np.float32],
) -> SelfTest:
    """Labels computed with numpy in float64, not by an engine."""
    image = paint(stripes(48, 96, len(taxonomy.classes)), taxonomy)
    plan = plan_resize(48, 96, contract, None)
    step = contract.score_stride
    x = (to_input(image, plan, contract) / 255 - MEAN) / STD
    h, w = plan.padded_height // step, plan.padded_width // step
    pooled = x.reshape(h, step, w, step, 3).mean((1, 3))
    scores = np.einsum("ck,hwk->chw", weight[:, :, 0, 0].astype(float), pooled) + offset[:, None, None]
    full = upsample_dense(scores, 48, 96, plan.height / step, plan.width / step)
    labels = full.argmax(0).astype(np.uint8)
    encode = [base64.b64encode(png_bytes(array)).decode() for array in (image, labels)]
    return SelfTest(image_png=encode[0], labels_png=encode[1])


def _metrics(taxonomy: Taxonomy, miou: float) -> Metrics:
    return Metrics(
        dataset="scenes",
        split="val",
        split_sha256="0" * 64,
        images=2,
        engine="openvino fp32",
        miou=miou,
        miou_8=miou if taxonomy.id == "street8" else None,
        miou_7=miou if taxonomy.id == "street8" else None,
        pixel_accuracy=0.8,
        class_iou=dict.fromkeys(taxonomy.names, miou),
    )


def training_record(miou: float) -> TrainingRecord:
    """Of a run that never was."""
    return TrainingRecord(
        run_id="0123456789abcdef0123456789abcdef",
        git_commit="0" * 40,
        git_dirty=False,
        seed=0,
        recipe={"epochs": 2, "expected_miou": miou},
        dataset="scenes",
        split="train",
        split_sha256="0" * 64,
        data_licence="MIT",
        weights_licence="MIT",
        initialisation="none",
        epochs=2,
        steps=4,
        wall_time_s=1.0,
        packages={"numpy": np.__version__},
    )


def _history(name: str, taxonomy: Taxonomy, miou: float) -> dict[str, object]:
    start = 1_700_000_000_000
    first = _FIRST_METRICS | {f"val_iou_{c}": 0.2 for c in taxonomy.names}
    last = {"train_loss": 0.7, "val_loss": 0.8, "val_pixel_accuracy": 0.8}
    metrics = {
        key: [[0, value, start + 1000], [1, last.get(key, miou), start + 2000]] for key, value in first.items()
    }
    for key, value in (("learning_rate", 1e-3), ("images_per_second", 4.0), ("epoch_seconds", 1.0)):
        metrics[key] = [[epoch, value, start + 1000 * (epoch + 1)] for epoch in range(2)]
    return {
        "run_id": "0123456789abcdef0123456789abcdef",
        "name": name,
        "start_time": start,
        "end_time": start + 2000,
        "params": {"epochs": "2", "architecture": "nearest-colour"},
        "tags": {"taxonomy": taxonomy.id},
        "metrics": metrics,
    }
