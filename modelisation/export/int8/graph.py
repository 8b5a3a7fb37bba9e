"""The graph that NNCF writes, brought to what every engine reads, and what can be counted in it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"
_HEAVY = ("Conv", "MatMul", "Gemm", "ConvTranspose")
# Change no value, so that what comes out is quantised where what went in was; of all but Concat, the first input.
_PASSING = (
    "Concat",
    "Flatten",
    "Identity",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)


def fold_casts(model: "onnx.ModelProto") -> int:
    """Turn casts of constants, at which NNCF 3.4 ends with an error, into constants, in place; returns how many.

    Args:
        model: constants are its initialisers.
    """
    from onnx import helper, numpy_helper

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in constants]
    for node in casts:
        wanted = next(attribute.i for attribute in node.attribute if attribute.name == "to")
        value = numpy_helper.to_array(constants[node.input[0]]).astype(helper.tensor_dtype_to_np_dtype(wanted))
        model.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        model.graph.node.remove(node)
    return len(casts)


def settle_axes(model: "onnx.ModelProto") -> int:
    """Write the axis of every (de)quantisation as a number from the front, in place; returns how many were changed.

    NNCF counts the axis of a weight matrix from the end, which ONNX allows; OpenVINO 2026.4's reader takes the number
    as it stands and refuses the network.

    Args:
        model: weights in their quantised form are initialisers, so that their rank is known.
    """
    ranks = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    changed = 0
    for node in model.graph.node:
        if node.op_type not in (QUANTISE, DEQUANTISE) or node.input[0] not in ranks:
            continue
        for attribute in node.attribute:
            if attribute.name == "axis" and attribute.i < 0:
                attribute.i += ranks[node.input[0]]
                changed += 1
    return changed


def layers_in_int8(model: "onnx.ModelProto") -> tuple[int, int]:
    """Of the convolutions and matrix products, how many take quantised inputs alone, and how many there are."""
    makers = {output: node for node in model.graph.node for output in node.output}

    def is_quantised(name: str) -> bool:
        maker = makers.get(name)
        if maker is None or maker.op_type not in _PASSING:
            return maker is not None and maker.op_type == DEQUANTISE
        return all(is_quantised(source) for source in (maker.input if maker.op_type == "Concat" else maker.input[:1]))

    heavy = [node for node in model.graph.node if node.op_type in _HEAVY]
    return sum(all(is_quantised(name) for name in node.input[:2]) for node in heavy), len(heavy)
