"""Does an imported bundle say what the library of its weights says? Asked before anything is registered."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from back.runtime.card import ONNX_FILE, InputContract, read_card
from back.runtime.engines.base import EngineKind
from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, UInt8Array, decode_image, plan_resize, to_input
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.predictor import Predictor
from back.runtime.upsample import upsample_argmax
from modelisation.export.gate import MIN_LIBRARY_AGREEMENT
from modelisation.provenance import REPOSITORY, machine, package_versions
from modelisation.scenes.render import render_scene

ENGINES: tuple[EngineKind, ...] = ("onnxruntime", "openvino")
# (height, width) of the rendered scenes: one of each, so that a graph that is wrong at other sizes is found out.
SHAPES = ((360, 480), (256, 512), (200, 660), (480, 360), (400, 400))
PHOTOS = 8
DEFAULT_PHOTOS = REPOSITORY.parent / "shared" / "camvid" / "val"
_FIRST_SEED = 980_000_000

# A picture uint8 [H, W, 3] as the network takes it, padding included -> its labels uint8 [H, W], the picture's size.
Labeller = Callable[[UInt8Array], UInt8Array]
Pictures = Mapping[str, Sequence[UInt8Array]]
Merge = Sequence[Sequence[int]]


def gate_pictures(contract: InputContract, photos: Path | None) -> dict[str, list[UInt8Array]]:
    """Scenes of five shapes, and photos spread evenly over a folder, each as the network's input uint8 [H, W, 3].

    Raises:
        UserError: the folder holds no photo.
    """
    scenes = [render_scene(_FIRST_SEED + i, h, w).image for i, (h, w) in enumerate(SHAPES)]
    found = {"scenes": [_as_input(scene, contract) for scene in scenes]}
    if photos is None and DEFAULT_PHOTOS.is_dir():
        photos = DEFAULT_PHOTOS
    if photos is not None:
        files = _photos_in(photos)
        chosen = sorted({i * len(files) // PHOTOS for i in range(PHOTOS)})
        decoded = (decode_image(files[i].read_bytes(), MAX_FILE_PIXELS) for i in chosen)
        found["photos"] = [_as_input(photo, contract) for photo in decoded]
    return found


def agreement(ours: Sequence[UInt8Array], theirs: Sequence[UInt8Array]) -> float:
    """Share of equal pixels over all label maps, 0..1."""
    equal = sum(int((a == b).sum()) for a, b in zip(ours, theirs, strict=True))
    return equal / sum(b.size for b in theirs)


def check_agreement(
    bundle: Path, pictures: Pictures, library: Mapping[str, Sequence[UInt8Array]], name: str
) -> dict[str, Any]:
    """Compare the served engines with the library on the same pictures, at the size that the network sees.

    Args:
        library: the library's labels of each picture, uint8 [H, W].
        name: the library with its version.

    Returns:
        The report: `passed`, `library`, `engines` with the agreement by kind of picture, and what was compared.

    Raises:
        UserError: an engine agrees on too few pixels.
    """
    results = []
    for kind in ENGINES:
        predictor = Predictor.load(bundle, engine=kind, precision="fp32")
        shares = {
            group: agreement([_labels(predictor, picture) for picture in some], library[group])
            for group, some in pictures.items()
        }
        results.append({"engine": kind, "precision": "fp32", "agreement": shares})
        for group, share in shares.items():
            if share < MIN_LIBRARY_AGREEMENT:
                raise UserError(
                    f"{kind} gives the labels of {name} on {share:.2%} of the pixels of {group}, and "
                    f"{MIN_LIBRARY_AGREEMENT:.1%} are wanted; nothing was imported"
                )
    return {
        "passed": True,
        "model_sha256": read_card(bundle).files[ONNX_FILE],
        "library": name,
        "min_agreement": MIN_LIBRARY_AGREEMENT,
        "pictures": {group: len(some) for group, some in pictures.items()},
        "sizes": sorted({picture.shape[:2] for some in pictures.values() for picture in some}),
        "engines": results,
        "machine": machine(),
        "packages": package_versions(),
    }


def merged_labels(scores_LHW: Tensor, merge: Merge, *, logits: bool) -> UInt8Array:
    """Class map uint8 [H, W] of a library's scores [labels, H, W]: the probabilities of each class's labels added.

    Args:
        merge: for each class the channels that are it.
        logits: whether the scores are logits, of which a softmax first would lose digits; else probabilities.
    """
    add = torch.logsumexp if logits else torch.sum
    summed = [add(scores_LHW[list(channels)].double(), dim=0) for channels in merge]
    return torch.stack(summed).argmax(0).numpy().astype(np.uint8)


def label_at_own_size(scores_CHW: np.ndarray, picture: UInt8Array, score_stride: int) -> UInt8Array:
    """Labels of a picture that is the network's input, by the runtime's argmax."""
    height, width = picture.shape[:2]
    return upsample_argmax(scores_CHW, height, width, height / score_stride, width / score_stride)


def _labels(predictor: Predictor, picture: UInt8Array) -> UInt8Array:
    return label_at_own_size(predictor.engine.run(picture[None]), picture, predictor.card.input.score_stride)


def _as_input(image: UInt8Array, contract: InputContract) -> UInt8Array:
    height, width = image.shape[:2]
    return np.array(to_input(image, plan_resize(height, width, contract, None), contract))


def _photos_in(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES) if folder.is_dir() else []
    if not files:
        raise UserError(f"{folder}: holds no photo (JPEG, PNG, WEBP, HEIC or AVIF) to compare with the library on")
    return files
