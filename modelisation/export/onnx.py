"""A trained network as one self-contained ONNX file, checked against PyTorch."""

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from back.runtime.errors import UserError

logging.getLogger("onnxscript.optimizer").setLevel(logging.ERROR)  # it warns of every constant that it leaves alone
INPUT, OUTPUT = "image", "scores"
# Height and width at which the network is traced, then three other sizes at which the file is compared with PyTorch.
# A fourth one is the traced size and as many pixels more as sides are a multiple of.
TRACED = (96, 160)
CHECKED = ((64, 96), (352, 480), (32, 256))
MOST_PIXELS = 16384  # of a side
TOLERANCE = 1e-4  # largest difference, as a share of the range of the scores


def export_onnx(
    form: nn.Module, path: Path, size_multiple: int, fixed_size: tuple[int, int], *, dynamic: bool = True
) -> tuple[int, int] | None:
    """Write a network as ONNX and compare the file with PyTorch.

    First the file is written for any N, H and W. If tracing fails, or if the file differs from PyTorch at one of the
    checked sizes, it is written again for `fixed_size` alone.

    Args:
        form: the network to serve; normalised float32 [N, 3, H, W] in, scores [N, classes, h, w] out.
        path: file to write.
        size_multiple: H and W are multiples of this many pixels.
        fixed_size: H and W of the second attempt.
        dynamic: whether to make the first.

    Returns:
        None where the sizes are dynamic, else `fixed_size`.

    Raises:
        UserError: the network cannot be traced, or the file differs from PyTorch, at the fixed size, too.
    """
    try:
        if dynamic:
            _write(form, path, TRACED, size_multiple)
            odd = (TRACED[0] + size_multiple, TRACED[1] + size_multiple)
            if all(_difference(form, path, size) <= TOLERANCE for size in (*CHECKED, odd)):
                return None
    except (RuntimeError, torch.onnx.errors.OnnxExporterError):
        pass  # a network that cannot be traced dynamically is still served at its fixed size
    try:
        _write(form, path, fixed_size, None)
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path}: PyTorch's exporter cannot write this network as ONNX: {said}") from error
    if (difference := _difference(form, path, fixed_size)) > TOLERANCE:
        raise UserError(f"{path}: ONNX and PyTorch scores differ by {difference:.1e} of their range")
    return fixed_size


def _write(form: nn.Module, path: Path, size: tuple[int, int], size_multiple: int | None) -> None:
    dynamic = None
    if size_multiple is not None:
        dim = torch.export.Dim
        most = MOST_PIXELS // size_multiple
        height, width = dim("height_units", min=1, max=most), dim("width_units", min=1, max=most)
        dynamic = ({0: dim("batch", min=1, max=256), 2: size_multiple * height, 3: size_multiple * width},)
    for module in form.modules():
        # In-place operations bring nothing in an exported graph. The exporter has to rewrite each of them, which
        # takes a third of its time for DeepLabV3+.
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    with _no_garbage_collection(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        torch.onnx.export(
            form.cpu().eval(),
            (torch.zeros(1 if dynamic is None else 2, 3, *size),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=dynamic,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _strip_annotations(path)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Tracing makes millions of objects and frees few: collections take a sixth of its time and free 15 MB."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _strip_annotations(path: Path) -> None:
    """Remove the exporter's metadata: every node carries a stack trace with paths of this machine."""
    model = onnx.load(path)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


@torch.no_grad()
def _difference(form: nn.Module, path: Path, size: tuple[int, int]) -> float:
    """Largest difference between ONNX Runtime and PyTorch, as a share of the scores' range."""
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = form(image).numpy()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is told by the difference
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        scores = session.run([OUTPUT], {INPUT: image.numpy()})[0]
    except Exception:  # ONNX Runtime's exceptions share no public base class
        return np.inf
    if scores.shape != expected.shape:
        return np.inf
    return float(np.abs(scores - expected).max() / max(np.ptp(expected), 1e-12))
