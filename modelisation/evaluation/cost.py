"""What a network costs: parameters, multiply-adds of one photo, bytes of its file. Needs no torch."""

from math import prod
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, InputContract
from back.runtime.engines.base import INPUT_NAME
from back.runtime.imaging import plan_resize
from back.runtime.predictor import Predictor


def cost_of(bundle: Path, predictor: Predictor, photo: tuple[int, int]) -> dict[str, Any]:
    """Cost of serving a bundle.

    Args:
        bundle: the model's folder.
        predictor: the bundle as it is run; its pixel budget decides the network's input size.
        photo: (height, width) of the photo that the multiply-adds are counted for.

    Returns:
        `parameters`, `multiply_adds` (of the network on one such photo) and `file_size_bytes` of the ONNX file.
    """
    return {
        "parameters": predictor.card.parameters,
        "multiply_adds": multiply_adds(bundle, input_size(predictor.input, photo)),
        "file_size_bytes": (bundle / ONNX_FILE).stat().st_size,
    }


def input_size(contract: InputContract, photo: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the network's input for a photo of (height, width), padding included."""
    plan = plan_resize(*photo, contract, None)
    return plan.padded_height, plan.padded_width


def multiply_adds(bundle: Path, size: tuple[int, int]) -> int:
    """Multiply-adds of the bundle's network on one input of `size` (height, width).

    Counted in the ONNX graph that is served, over its convolutions and matrix products, as PyTorch's flop counter
    does; a multiply-add is two floating-point operations.
    """
    import openvino as ov

    model = ov.Core().read_model((bundle / ONNX_FILE).read_bytes())
    model.reshape({INPUT_NAME: [1, 3, *size]})
    return sum(_count_multiply_adds(operation) for operation in model.get_ops())


def _count_multiply_adds(operation: Any) -> int:
    """Each output value is a sum over the inner dimension: a filter's weights, or a row times a column."""
    kind = operation.get_type_name()
    if kind == "Convolution":
        inner = prod(operation.input_value(1).shape[1:])  # filters are [out, in, height, width]
    elif kind == "GroupConvolution":
        inner = prod(operation.input_value(1).shape[2:])  # [groups, out, in, height, width]
    elif kind == "MatMul":
        rows_columns = operation.input_value(0).shape[-2:]
        inner = rows_columns[0 if operation.get_attributes()["transpose_a"] else -1]
    else:
        return 0
    return int(prod(operation.output(0).shape) * inner)
