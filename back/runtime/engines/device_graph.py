"""A bundle's graph with what a device does better than the host: normalising before it, labels behind it.

Bytes go to the device in place of float32, a quarter of the size, and labels come back in place of scores.
"""

from typing import TYPE_CHECKING

import numpy as np

from back.runtime.card import Card
from back.runtime.engines.base import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    import onnx

PIXELS, CELLS, SCALES, SIZE, LABELS, LARGEST = "pixels", "cells", "scales", "size", "labels", "largest"


def with_labels(model: "onnx.ModelProto", card: Card) -> "onnx.ModelProto":
    """A copy of the graph with other inputs and outputs.

    Its inputs are `pixels` uint8 [N, h, w, 3], `cells` int64 [2] (how many rows and columns of scores belong to the
    photo, a part counting as one), `scales` float32 [4] (1, 1, and how many photo pixels a score has down
    and across) and `size` int64 [2], height and width of the photo; its outputs are `scores` as before, `labels`
    uint8 [N, height, width] under bilinear upsampling with half-pixel centres, and `largest` float32 [], the greatest
    absolute score, which is not finite where any is not.

    Raises:
        ImportError: the onnx package is not installed.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    std = np.asarray(card.input.std, np.float32)
    constants = {
        "pixels_factor": 1 / (255 * std),
        "pixels_offset": -np.asarray(card.input.mean, np.float32) / std,
        "labels_start": np.zeros(2, np.int64),
        "labels_axes": np.array([2, 3], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    before = [
        helper.make_node("Cast", [PIXELS], ["pixels_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels_float", "pixels_factor"], ["pixels_scaled"]),
        helper.make_node("Add", ["pixels_scaled", "pixels_offset"], ["pixels_normal"]),
        helper.make_node("Transpose", ["pixels_normal"], [INPUT_NAME], perm=[0, 3, 1, 2]),
    ]
    after = [
        helper.make_node("Slice", [OUTPUT_NAME, "labels_start", CELLS, "labels_axes"], ["labels_valid"]),
        helper.make_node(
            "Resize",
            ["labels_valid", "", SCALES],
            ["labels_scores"],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Slice", ["labels_scores", "labels_start", SIZE, "labels_axes"], ["labels_cut"]),
        helper.make_node("ArgMax", ["labels_cut"], ["labels_wide"], axis=1, keepdims=0),
        helper.make_node("Cast", ["labels_wide"], [LABELS], to=TensorProto.UINT8),
        helper.make_node("Abs", [OUTPUT_NAME], ["labels_size"]),
        helper.make_node("ReduceMax", ["labels_size"], [LARGEST], keepdims=0),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    count = batch.dim_param or batch.dim_value
    del graph.input[:]
    graph.input.extend(
        [
            helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [count, None, None, 3]),
            helper.make_tensor_value_info(CELLS, TensorProto.INT64, [2]),
            helper.make_tensor_value_info(SCALES, TensorProto.FLOAT, [4]),
            helper.make_tensor_value_info(SIZE, TensorProto.INT64, [2]),
        ]
    )
    graph.output.extend(
        [
            helper.make_tensor_value_info(LABELS, TensorProto.UINT8, [count, None, None]),
            helper.make_tensor_value_info(LARGEST, TensorProto.FLOAT, []),
        ]
    )
    return changed


def takes_batches(model: "onnx.ModelProto") -> bool:
    """Whether the graph says that it takes more than one picture at a time."""
    return bool(model.graph.input[0].type.tensor_type.shape.dim[0].dim_param)
