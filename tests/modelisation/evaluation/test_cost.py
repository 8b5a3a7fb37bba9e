"""Multiply-adds counted in the served graph, as worked out by hand; `test_export` sets them against PyTorch's."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from back.runtime.card import ONNX_FILE
from back.runtime.predictor import Predictor
from modelisation.evaluation.cost import cost_of, multiply_adds
from tests.bundles import make_bundle


def test_a_convolution_costs_its_weights_at_every_score(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, score_stride=4)
    assert multiply_adds(bundle, (64, 96)) == 3 * 8 * 16 * 24


def test_another_pixel_budget_is_counted_anew(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, pixel_budget=128 * 256)
    costs = [cost_of(bundle, Predictor.load(bundle, pixel_budget=b), (128, 256)) for b in (None, 64 * 128)]
    assert costs[0]["multiply_adds"] == 4 * costs[1]["multiply_adds"]
    assert costs[0]["file_size_bytes"] == costs[1]["file_size_bytes"] == (bundle / "model.onnx").stat().st_size


def test_a_transposed_matrix_product_costs_its_inner_dimension(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    values = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["rows"], axis=2),
            helper.make_node("Transpose", ["rows"], ["columns"], perm=[1, 0]),
            helper.make_node("MatMul", ["rows", "columns"], ["scores"]),
        ],
        "gram",
        [values("image", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [values("scores", TensorProto.FLOAT, None)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), bundle / ONNX_FILE)
    assert multiply_adds(bundle, (32, 64)) == 3 * 3 * 32 * 64
