"""ONNX files as others make them, in several layouts, and the YAML files that say what they take and give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from back.runtime.taxonomy import CITYSCAPES19

COLOURS = np.array([c.color for c in CITYSCAPES19.classes], np.float32)


def make_graph(
    path: Path, *, layout: str = "NCHW", bgr: bool = False, holds: str = "logits", opset: int = 17
) -> Path:
    """The class of the nearest of 19 colours from pixels of 0..255; with probabilities, channel 0 is no class."""
    colours = COLOURS[:, ::-1] if bgr else COLOURS
    scale = np.float32(4000)
    weight, offset = 2 * colours / scale, -(colours**2).sum(1) / scale
    if holds == "probabilities":
        weight = np.concatenate([np.zeros((1, 3)), weight])
        offset = np.concatenate([[-20.0], offset])
    nhwc = layout == "NHWC"
    nodes = [helper.make_node("Transpose", ["picture"], ["x"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes.append(helper.make_node("Conv", ["x" if nhwc else "picture", "weight", "offset"], ["logits"]))
    at = "logits"
    if holds == "probabilities":
        nodes.append(helper.make_node("Softmax", [at], ["shares"], axis=1))
        at = "shares"
    if holds == "labels":
        nodes.append(helper.make_node("ArgMax", [at], ["labels"], axis=1, keepdims=0))
        at = "labels"
    elif nhwc:
        nodes.append(helper.make_node("Transpose", [at], ["last"], perm=[0, 2, 3, 1]))
        at = "last"
    shape: list[Any] = ["n", "h", "w", 3] if nhwc else ["n", 3, "h", "w"]
    kind = TensorProto.INT64 if holds == "labels" else TensorProto.FLOAT
    out = [None, None, None] if holds == "labels" else [None, None, None, None]
    graph = helper.make_graph(
        nodes,
        "nearest",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(at, kind, out)],
        [
            numpy_helper.from_array(weight[:, :, None, None].astype(np.float32), "weight"),
            numpy_helper.from_array(offset.astype(np.float32), "offset"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def make_adapter(path: Path, **fields: Any) -> Path:
    told = {"labels": "cityscapes19", "input": {"scale": 255}, "licence": "MIT", "source": "mine"}
    path.write_text(yaml.safe_dump(told | fields), encoding="utf-8")
    return path
