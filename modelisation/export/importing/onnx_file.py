"""`import onnx`: any graph, after the adapter that its YAML file declares."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from google.protobuf.message import DecodeError

from back.runtime.card import ONNX_FILE, InputContract, Origin, sha256_of
from back.runtime.errors import UserError
from back.runtime.imaging import UInt8Array
from back.runtime.onnx_file import check_network
from modelisation.data.class_sets import built_in_names, class_set
from modelisation.export.importing.adapter import Adapter, adapt, fixed_size_of
from modelisation.export.importing.agreement import merged_labels
from modelisation.export.importing.labels import place_labels
from modelisation.export.importing.source import UNKNOWN_LICENCE
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import Foreign
from modelisation.models.imported.graph import GraphModel

LIBRARY = f"ONNX Runtime {onnxruntime.__version__}"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


def read_onnx(file: Path, adapter: Adapter, wishes: Wishes, bundle: Path) -> Foreign:
    """Write the adapted graph into the bundle's folder, and say what the card says of it.

    Raises:
        UserError: the file is no graph that can be served, or the adapter does not fit it.
    """
    source = _load(file)
    labels = _names(adapter.labels)
    channels = len(labels) + len(adapter.output.drop)
    kept = [i for i in range(channels) if i not in adapter.output.drop]
    placed = place_labels(labels, wishes.classes, wishes.maps, wishes.name)
    merge = [[kept[i] for i in those] for those in placed.merge]
    fixed = fixed_size_of(source, adapter)
    adapted = adapt(source, adapter, merge, channels)
    check_network(adapted.SerializeToString())
    onnx.save(adapted, bundle / ONNX_FILE)
    library = SourceGraph(file, adapter, merge, channels)
    size = fixed or (4 * adapter.input.stride, 6 * adapter.input.stride)
    contract = InputContract(
        mean=adapter.input.on_unit(adapter.input.mean),
        std=adapter.input.on_unit(adapter.input.std),
        resize_filter=adapter.input.resize_filter,
        stride=adapter.input.stride,
        score_stride=library.stride(size),
        pixel_budget=wishes.pixel_budget or (fixed[0] * fixed[1] if fixed else adapter.input.pixel_budget),
        fixed_size=fixed or wishes.size,
    )
    model = GraphModel(bundle / ONNX_FILE, len(placed.taxonomy.classes), contract).eval()
    origin = Origin(
        source=adapter.source or file.name,
        library=LIBRARY,
        licence=wishes.licence or adapter.licence or UNKNOWN_LICENCE,
        sha256={file.name: sha256_of(file)},
        labels=dict(placed.onto),
    )
    build = {"adapter": adapter.model_dump(mode="json", exclude={"source", "licence"})}
    numbers = sum(math.prod(one.dims) for one in adapted.graph.initializer)
    return Foreign(wishes.name, model, build, placed.taxonomy, contract, origin, library, parameters=max(1, numbers))


class SourceGraph:
    """Labels of a picture by the file as it came, prepared and read as its YAML file says, in NumPy."""

    def __init__(self, file: Path, adapter: Adapter, merge: Sequence[Sequence[int]], channels: int) -> None:
        try:
            self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise UserError(f"{file}: {LIBRARY} cannot load it: {' '.join(str(error).split())[:200]}") from error
        self._file, self._adapter, self._merge, self._channels = file, adapter, merge, channels

    def stride(self, size: tuple[int, int]) -> int:
        """Input pixels per score. Raises UserError: they are no whole number, or the channels are others."""
        scores_LHW = self._scores(np.zeros((*size, 3), np.uint8))
        labels, height, width = scores_LHW.shape
        if labels != self._channels:
            raise UserError(
                f"{self._file}: gives {labels} channels where its YAML file names {self._channels}, those dropped "
                "among them"
            )
        stride = size[0] // height
        if (height * stride, width * stride) != size:
            raise UserError(f"{self._file}: its scores for {size[1]}x{size[0]} pixels are {width}x{height}")
        return stride

    def __call__(self, picture: UInt8Array) -> UInt8Array:
        scores = torch.from_numpy(self._scores(picture).astype(np.float64))[None]
        full_LHW = F.interpolate(scores, picture.shape[:2], mode="bilinear", align_corners=False)[0]
        return merged_labels(full_LHW, self._merge, logits=self._adapter.output.holds == "logits")

    def _scores(self, picture: UInt8Array) -> np.ndarray:
        """[channels, h, w]: logits, probabilities, or labels as 0 and 1."""
        wanted, output = self._adapter.input, self._adapter.output
        colours = picture if wanted.colour == "RGB" else picture[..., ::-1]
        values = (colours / 255 * wanted.scale - np.array(wanted.mean)) / np.array(wanted.std)
        values = values if wanted.layout == "NHWC" else values.transpose(2, 0, 1)
        given = self._session.get_inputs()[0]
        if given.type not in _TYPES:
            raise UserError(f"{self._file}: its input {given.name} is {given.type}; pictures are float or uint8")
        dtype: Any = _TYPES[given.type]
        values = values.round() if dtype is np.uint8 else values
        names = None if output.name is None else [output.name]
        try:
            found = np.asarray(self._session.run(names, {given.name: values[None].astype(dtype)})[0])[0]
        except Exception as error:  # as above
            raise UserError(f"{self._file}: cannot be run: {' '.join(str(error).split())[:200]}") from error
        if output.holds == "labels":
            ids = found.squeeze(0 if output.layout == "NCHW" else -1) if found.ndim == 3 else found
            return (ids[None] == np.arange(self._channels)[:, None, None]).astype(np.float32)
        return found if output.layout == "NCHW" else found.transpose(2, 0, 1)


def _load(file: Path) -> onnx.ModelProto:
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    try:
        return onnx.load(file)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise UserError(f"{file}: is no ONNX file") from error


def _names(labels: str | list[str]) -> list[str]:
    if isinstance(labels, list):
        return labels
    if labels in built_in_names() or Path(labels).suffix in (".yaml", ".yml"):
        return list(class_set(labels).taxonomy.names)
    raise UserError(f"labels: {labels} is no class set ({', '.join(built_in_names())}) and no list of names")
