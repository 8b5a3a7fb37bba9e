"""The YAML file that says what a foreign ONNX graph takes and gives, and the graph changed to what a bundle promises.

source: my segmenter, version 3
licence: MIT
labels: cityscapes19        # the channels' classes in order: a class set, or a list of names
input:
  layout: NCHW              # or NHWC
  colour: RGB               # or BGR
  scale: 255                # the value of white; mean and std are on that scale
  mean: [0, 0, 0]
  std: [1, 1, 1]
  pixel_budget: 262144      # only where the graph takes any size
output:
  name: probabilities       # only where the graph has several
  layout: NCHW              # or NHWC
  holds: logits             # or probabilities, or labels (class ids)
  drop: [0]                 # channels that are no class, for instance the background
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from back.runtime.card import ResizeFilter
from back.runtime.engines.base import INPUT_NAME, OUTPUT_NAME
from back.runtime.errors import UserError
from modelisation.yaml_files import first_mistake, read_yaml

Layout = Literal["NCHW", "NHWC"]
_Three = tuple[float, float, float]
_PREFIX = "net/"
_SMALLEST = 1e-12  # of a probability before its logarithm is taken
_FROM_NHWC, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Input(_Part):
    layout: Layout = "NCHW"
    colour: Literal["RGB", "BGR"] = "RGB"
    scale: float = Field(default=1.0, gt=0, description="the value of white")
    mean: _Three = (0.0, 0.0, 0.0)
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(1.0, 1.0, 1.0), min_length=3, max_length=3)
    resize_filter: ResizeFilter = "bilinear"
    pixel_budget: int = Field(default=512 * 512, ge=32 * 32)
    stride: int = Field(default=32, ge=1, le=512)

    def on_unit(self, values: Sequence[float]) -> _Three:
        """Mean or std on 0..1 and in the order RGB."""
        ordered = values if self.colour == "RGB" else tuple(reversed(values))
        red, green, blue = (value / self.scale for value in ordered)
        return red, green, blue


class Output(_Part):
    name: str | None = None
    layout: Layout = "NCHW"
    holds: Literal["logits", "probabilities", "labels"] = "logits"
    drop: list[int] = Field(default_factory=list)


class Adapter(_Part):
    """What the YAML file says."""

    labels: str | list[str]
    source: str | None = None
    licence: str | None = None
    input: Input = Input()
    output: Output = Output()


def read_adapter(path: Path) -> Adapter:
    """Read the YAML file.

    Raises:
        UserError: it is missing or breaks a rule, with the field's name.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; --card names a YAML file that says what the graph takes and gives")
    try:
        return Adapter.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {first_mistake(error)}") from error


def adapt(model: onnx.ModelProto, adapter: Adapter, merge: Sequence[Sequence[int]], channels: int) -> onnx.ModelProto:
    """The graph between an input `image` float32 [N, 3, H, W] and an output `scores` float32 [N, classes, h, w].

    Args:
        merge: for each class the channels that are it, as the source counts them.
        channels: of the source.
    """
    model = compose.add_prefix(model, _PREFIX)
    graph = model.graph
    given = _the_input(graph)
    output = _the_output(graph, adapter.output.name)
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    before = list(_before(adapter.input, given))
    after = _After(opset)
    scores = after.scores(output, adapter.output, merge, channels)
    graph.initializer.extend([*_constants_of_before(adapter.input), *after.constants])
    nodes = [*before, *graph.node, *after.nodes, helper.make_node("Identity", [scores], [OUTPUT_NAME])]
    del graph.node[:]
    graph.node.extend(nodes)
    sizes = _sizes(given, adapter.input.layout)
    shape = ["batch", 3, *(size or name for size, name in zip(sizes, ("height", "width"), strict=True))]
    initialised = {one.name for one in graph.initializer}
    kept = [one for one in graph.input if one.name in initialised]
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend([helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape), *kept])
    graph.output.append(
        helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", len(merge), None, None])
    )
    return model


def fixed_size_of(model: onnx.ModelProto, adapter: Adapter) -> tuple[int, int] | None:
    """(height, width) of the graph's input; None where either is open.

    Raises:
        UserError: the graph has several inputs, or no picture of three colours among them.
    """
    given = _the_input(model.graph)
    dims = [d.dim_value for d in given.type.tensor_type.shape.dim]
    colours = dims[1 if adapter.input.layout == "NCHW" else 3] if len(dims) == 4 else None
    if colours != 3 and (colours != 0 or 3 in dims[1:]):
        raise UserError(
            f"its input {given.name} has the shape {dims}, which is no picture of three colours in the layout "
            f"{adapter.input.layout}; set input.layout"
        )
    height, width = _sizes(given, adapter.input.layout)
    return (height, width) if height and width else None


def _the_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    initialised = {one.name for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in initialised]
    if len(inputs) != 1:
        raise UserError(
            f"the graph has {len(inputs)} inputs ({', '.join(one.name for one in inputs)}), not one picture"
        )
    return inputs[0]


def _the_output(graph: onnx.GraphProto, name: str | None) -> onnx.ValueInfoProto:
    outputs = {one.name.removeprefix(_PREFIX): one for one in graph.output}
    if name is None and len(outputs) != 1:
        raise UserError(f"the graph has the outputs {', '.join(outputs)}; name one under output")
    if name is not None and name not in outputs:
        raise UserError(f"the graph has no output {name}; it has {', '.join(outputs)}")
    return outputs[name] if name is not None else next(iter(outputs.values()))


def _sizes(given: onnx.ValueInfoProto, layout: Layout) -> tuple[int, int]:
    """Height and width, 0 where open."""
    dims = [d.dim_value for d in given.type.tensor_type.shape.dim]
    return (dims[2], dims[3]) if layout == "NCHW" else (dims[1], dims[2])


def _before(wanted: Input, given: onnx.ValueInfoProto) -> Iterator[onnx.NodeProto]:
    at = INPUT_NAME
    if wanted.colour == "BGR":
        yield helper.make_node("Gather", [at, "adapter/bgr"], ["adapter/turned"], axis=1)
        at = "adapter/turned"
    if wanted.layout == "NHWC":
        yield helper.make_node("Transpose", [at], ["adapter/nhwc"], perm=_TO_NHWC)
        at = "adapter/nhwc"
    yield helper.make_node("Cast", [at], [given.name], to=given.type.tensor_type.elem_type)


def _constants_of_before(wanted: Input) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.array([2, 1, 0]), "adapter/bgr")] if wanted.colour == "BGR" else []


class _After:
    """The nodes from the source's output to the scores of the classes."""

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def scores(
        self, source: onnx.ValueInfoProto, output: Output, merge: Sequence[Sequence[int]], channels: int
    ) -> str:
        at = source.name
        if output.holds == "labels":
            channel = 1 if output.layout == "NCHW" else 3
            at = self._one_hot(at, channel if len(source.type.tensor_type.shape.dim) == 4 else None, channels)
        else:
            at = self._node("Cast", [at], to=TensorProto.FLOAT)
            if output.layout == "NHWC":
                at = self._node("Transpose", [at], perm=_FROM_NHWC)
        if output.holds == "probabilities":
            at = self._node("Log", [self._node("Max", [at, self._constant(np.float32(_SMALLEST))])])
        classes = [self._class(at, list(those), output.holds == "labels") for those in merge]
        return self._node("Concat", classes, axis=1)

    def _one_hot(self, at: str, axis: int | None, channels: int) -> str:
        """Labels [N, H, W], or with one channel at `axis`, to 0 and 1 [N, channels, H, W]."""
        if axis is not None:
            at = self._over("Squeeze", at, axis, 13)
        at = self._node("Cast", [at], to=TensorProto.INT64)
        values = self._constant(np.array([0.0, 1.0], np.float32))
        return self._node("OneHot", [at, self._constant(np.array(channels)), values], axis=1)

    def _class(self, at: str, those: list[int], labels: bool) -> str:
        """The channel of a class: one of the source's, or the log of the sum of several."""
        part = self._node("Gather", [at, self._constant(np.array(those))], axis=1)
        if len(those) == 1:
            return part
        highest = self._over("ReduceMax", part, 1, 18, keepdims=1)
        if labels:
            return highest
        powers = self._node("Exp", [self._node("Sub", [part, highest])])
        return self._node("Add", [highest, self._node("Log", [self._over("ReduceSum", powers, 1, 13, keepdims=1)])])

    def _over(self, kind: str, at: str, axis: int, since: int, **attributes: Any) -> str:
        """An operator over an axis, which is an input from the opset `since` on and an attribute before."""
        if self._opset >= since:
            return self._node(kind, [at, self._constant(np.array([axis]))], **attributes)
        return self._node(kind, [at], axes=[axis], **attributes)

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"adapter/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, value: np.ndarray | np.generic) -> str:
        name = f"adapter/c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name
