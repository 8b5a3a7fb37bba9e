"""Each trick alone against the usual way, interleaved in one process: what docs/performance.md tells about."""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from tqdm import tqdm

from back.runtime.class_counts import count_labels
from back.runtime.imaging import open_photo, plan_resize, to_input
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.upsample import upsample_argmax
from modelisation.training.kernels.depthwise import use_fast_depthwise
from tests.benchmarks.failures import sentence
from tests.benchmarks.material import Material
from tests.benchmarks.measure import interleaved, ratio, summary, timed
from tests.benchmarks.openvino_bare import compile_bare
from tests.benchmarks.photos import Case
from tests.benchmarks.report import ALL_BOUNDARY
from tests.benchmarks.usual import UsualSteps

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trick:
    """Two ways to the same result; both are called once before they are timed."""

    name: str
    usual_name: str
    usual: Callable[[], object]
    ours: Callable[[], object]
    rounds: int = 20


def measure(trick: Trick, rounds: int) -> dict[str, Any]:
    """`{"trick", "usual_way", "error", "usual_ms", "ours_ms", "ratio"}`, times as medians with p95.

    A trick that fails has an `error`, in a sentence, and None for the figures.
    """
    row = {"trick": trick.name, "usual_way": trick.usual_name, "error": None}
    try:
        trick.usual()
        trick.ours()
        times = interleaved({"usual": timed(trick.usual), "ours": timed(trick.ours)}, min(rounds, trick.rounds))
    except Exception as error:  # of whatever library the usual way is made
        return row | {"error": sentence(error), "usual_ms": None, "ours_ms": None, "ratio": None}
    return row | {
        "usual_ms": summary(times["usual"]),
        "ours_ms": summary(times["ours"]),
        "ratio": ratio(times["usual"], times["ours"]),
    }


def measure_tricks(
    materials: list[Material], scores: Mapping[str, Scores], photo: Case, rounds: int
) -> list[dict[str, Any]]:
    """Measure every trick.

    Args:
        scores: model -> its real scores of the headline photo, float32 [classes, h, w]; a model without is left out.
        photo: the headline photo.
    """
    results = []
    for make in (label_tricks, photo_tricks, engine_tricks):
        for material in materials:
            if material.name not in scores:
                continue
            for trick in tqdm(
                list(make(material, scores[material.name], photo)), f"tricks, {material.name}", leave=False
            ):
                results.append({"model": material.name} | measure(trick, rounds))
    results.append({"model": "training"} | measure(depthwise_trick(), rounds))
    return results


def label_tricks(material: Material, scores_CHW: Scores, photo: Case) -> Iterator[Trick]:
    """Scores to labels, and labels to a PNG."""
    height, width = scores_CHW.shape[1:]
    scores_NCHW = torch.from_numpy(scores_CHW)[None]
    for name, high, wide in (("2 megapixels", photo.height, photo.width), ("12 megapixels", 3000, 4000)):

        def ours(high: int = high, wide: int = wide) -> npt.NDArray[np.uint8]:
            return upsample_argmax(scores_CHW, high, wide, height, width)

        def upsampled(high: int = high, wide: int = wide) -> torch.Tensor:
            return F.interpolate(scores_NCHW, size=(high, wide), mode="bilinear", align_corners=False)

        few = 20 if high == photo.height else 5
        yield Trick(f"exact argmax, {name}", "interpolate + argmax", lambda u=upsampled: u().argmax(1), ours, few)
        yield Trick(
            f"exact argmax, {name}", "interpolate + max().indices", lambda u=upsampled: u().max(1).indices, ours, few
        )
    yield from boundary_tricks(scores_CHW.shape, photo)
    labels_HW = upsample_argmax(scores_CHW, photo.height, photo.width, height, width)
    palette = palette_of(material.card.taxonomy)
    usual = UsualSteps(material.card)
    ours_png = lambda: encode_palette_png(labels_HW, palette)  # noqa: E731
    for way, other in (
        ("colours + RGB PNG", lambda: usual.colour(labels_HW)),
        ("Pillow's palette PNG", lambda: _pillow(labels_HW, palette)),
        ("NumPy's filter and zlib", lambda: _zlib(labels_HW)),
    ):
        yield Trick("palette PNG, own deflate, 2 megapixels", way, other, ours_png)
    yield Trick(
        "pixels of each class, 2 megapixels",
        "Pillow's histogram",
        lambda: Image.fromarray(labels_HW).histogram(),
        lambda: count_labels(labels_HW),
    )


def photo_tricks(material: Material, scores_CHW: Scores, photo: Case) -> Iterator[Trick]:
    """The bytes of a JPEG to the network's input."""
    contract, pixels = material.card.input, photo.height * photo.width
    plan = plan_resize(photo.height, photo.width, contract, photo.pixel_budget)
    needed = (plan.height, plan.width)
    yield Trick(
        "JPEG decoded at half its size, and resized",
        "all of it decoded, and resized",
        lambda: to_input(open_photo(photo.data, pixels).image, plan, contract),
        lambda: to_input(open_photo(photo.data, pixels, lambda *_: needed).image, plan, contract),
    )


def boundary_tricks(shape: tuple[int, ...], photo: Case) -> Iterator[Trick]:
    """The worst case: scores so noisy that every cell straddles a boundary. Not even there may ours be slower."""
    scores_CHW = np.random.default_rng(0).standard_normal(shape, np.float32)
    scores_NCHW = torch.from_numpy(scores_CHW)[None]

    def usual() -> torch.Tensor:
        size = (photo.height, photo.width)
        return F.interpolate(scores_NCHW, size=size, mode="bilinear", align_corners=False).argmax(1)

    yield Trick(
        ALL_BOUNDARY,
        "interpolate + argmax",
        usual,
        lambda: upsample_argmax(scores_CHW, photo.height, photo.width, *shape[1:]),
    )


def _pillow(labels_HW: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> bytes:
    picture, buffer = Image.fromarray(labels_HW, "P"), io.BytesIO()
    picture.putpalette(palette.tobytes())
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _zlib(labels_HW: npt.NDArray[np.uint8]) -> bytes:
    """The same rows as our own deflate's, compressed by zlib at its fastest for runs."""
    rows = np.empty((labels_HW.shape[0], labels_HW.shape[1] + 1), np.uint8)
    rows[:, 0] = 2  # PNG's filter type Up
    rows[0, 1:] = labels_HW[0]
    np.subtract(labels_HW[1:], labels_HW[:-1], out=rows[1:, 1:])
    stream = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return stream.compress(rows.data) + stream.flush()


def engine_tricks(material: Material, scores_CHW: Scores, photo: Case) -> Iterator[Trick]:
    """The network itself, in OpenVINO on a ready tensor of the headline photo's size."""
    size = photo.network_input(material.card.input)
    tensor = np.random.default_rng(0).standard_normal((1, 3, *size), np.float32)

    def forward(onnx: Path, size: tuple[int, int] | None = size, **options: Any) -> Callable[[], object]:
        # Compiled at the first call, so that what cannot be compiled is one trick that failed.
        @cache
        def request() -> Any:
            return compile_bare(material.written(onnx), size, **options).create_infer_request()

        return lambda: request().infer([tensor], share_inputs=True, share_outputs=True)

    onnx = material.bundle_onnx
    best = forward(onnx)
    if material.is_folded:
        yield Trick("folded head", "the standard head", forward(material.plain_onnx), best)
    yield Trick("bf16 where the processor has it", "fp32", forward(onnx, precision="f32"), best)
    yield Trick("network for a hot size", "sizes left open", forward(onnx, None), best)


def depthwise_trick() -> Trick:
    """Gradients of a 5x5 depthwise convolution in bf16, as DeepLabV3+'s encoder has them."""

    def step(fast: bool) -> Callable[[], object]:
        torch.manual_seed(0)
        layer = torch.nn.Conv2d(240, 240, 5, padding=2, groups=240).train()
        net = torch.nn.Sequential(layer).to(memory_format=torch.channels_last)
        if fast:
            use_fast_depthwise(net)
        image = torch.randn(8, 240, 32, 40).contiguous(memory_format=torch.channels_last).requires_grad_()

        def run() -> None:
            with torch.autocast("cpu", torch.bfloat16):
                loss = net(image).sum()
            loss.backward()

        return run

    return Trick(
        "depthwise 5x5 with gradients of our own, forward and backward", "PyTorch's", step(False), step(True), 10
    )
