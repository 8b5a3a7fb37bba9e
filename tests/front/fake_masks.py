"""What the stand-in for the API makes of a photo: class maps, their pictures, and how they compare.

A class map is a fixed function of the photo's pixels and the model's name, so that bytes can be compared.
"""

import base64
import io
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from tests.front.fake_records import CLASSES, NAMES, STAGES, entry_of, iou_of

# How sure the stand-in is of each class, as in a confidence PNG: 55 % of the first, 90 % of the last.
SURENESS = np.rint(65535 * np.linspace(0.55, 0.9, 8)).astype(np.uint16)


def labels_of(photo: bytes, model: str) -> npt.NDArray[np.uint8]:
    """A class map [H, W]: sky above, road below, what is dark a vehicle, what is green vegetation."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
    rgb = np.asarray(image, np.int16)
    height, width = rgb.shape[:2]
    y = np.arange(height)[:, None] / height
    x = np.arange(width)[None, :] / width
    labels = np.where(y < 0.35, 6, np.where(y < 0.6, 2, 0)) + np.zeros((height, width), np.int64)
    labels[(y > 0.6) & ((x < 0.2) | (x > 0.8))] = 1
    labels[(rgb[..., 1] > rgb[..., 0] + 12) & (rgb[..., 1] > rgb[..., 2] + 12)] = 5
    dark = 60 if model == "deeplabv3plus" else 75
    labels[(rgb.max(2) < dark) & (y > 0.4)] = 3
    if model != "deeplabv3plus":
        labels = np.roll(labels, 3, axis=1)
    return labels.astype(np.uint8)


def png_of(labels: npt.NDArray[np.uint8], output: str, photo: bytes, opacity: float) -> bytes:
    image = Image.fromarray(labels)
    if output == "confidence":
        image = Image.fromarray(SURENESS[labels])
    elif output == "mask":
        image = image.convert("P")
        image.putpalette([v for _, colour in CLASSES for v in colour])
        image.putdata(list(labels.ravel())) if labels.size < 1000 else image.frombytes(labels.tobytes())
    elif output == "overlay":
        palette = np.array([c for _, c in CLASSES], np.uint8)
        base = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
        image = Image.blend(base, Image.fromarray(palette[labels]), opacity)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def picture_of(labels: npt.NDArray[np.uint8]) -> dict[str, str]:
    png = png_of(labels, "classes", b"", 0.0)
    return {"media_type": "image/png", "base64": base64.b64encode(png).decode()}


def prediction_of(name: str, version: str, labels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """One model's part of `/compare`'s answer."""
    height, width = labels.shape
    counts = np.bincount(labels.ravel(), minlength=8)
    return {
        "model": name,
        "version": version,
        "sha256": entry_of(name, version)["sha256"],
        "width": width,
        "height": height,
        "timings_ms": STAGES | {"total": sum(STAGES.values())},
        "class_shares": {n: float(counts[i] / labels.size) for i, n in enumerate(NAMES)},
        "familiarity": -0.4,
        "unfamiliar": False,
        "image": {"output": "classes", **picture_of(labels)},
    }


def evaluated_image_of(name: str, photo: bytes, model: str) -> dict[str, Any]:
    """`/images/layers`: the truth is what the other model says."""
    maps = {one: labels_of(photo, one) for one in ("deeplabv3plus", "segformer")}
    labels = maps.pop(model)
    (truth,) = maps.values()
    height, width = labels.shape
    pictures = {"truth": truth, "prediction": labels}
    return {
        "name": name,
        "width": width,
        "height": height,
        "photo": base64.b64encode(photo).decode(),
        **{kind: picture_of(ids)["base64"] for kind, ids in pictures.items()},
        "error_share": float((truth != labels).mean()),
        "note": None,
    }


def comparison_of(maps: dict[str, npt.NDArray[np.uint8]]) -> dict[str, Any]:
    """The part of `/compare`'s answer on how the models agree."""
    pairs = []
    for (a, of_a), (b, of_b) in combinations(maps.items(), 2):
        matrix = np.bincount(of_a.ravel().astype(int) * 8 + of_b.ravel(), minlength=64).reshape(8, 8)
        share = float((of_a == of_b).mean())
        pairs.append(
            {"a": a, "b": b, "pixel_agreement": share, "counted_in": None, "confusion_matrix": matrix.tolist()}
        )
    first, *others = maps.values()
    differs = np.any([other != first for other in others], axis=0) if others else None
    return {"pairs": pairs, "disagreement": None if differs is None else picture_of(differs.astype(np.uint8) * 255)}


def label_scores(maps: dict[str, npt.NDArray[np.uint8]], label: bytes) -> dict[str, Any]:
    """The part of `/compare`'s answer on a label file of street8 ids."""
    truth = np.asarray(Image.open(io.BytesIO(label)))
    valid = truth < 8
    models = {}
    for name, labels in maps.items():
        cm = np.bincount(truth[valid].astype(int) * 8 + labels[valid], minlength=64).reshape(8, 8)
        iou = iou_of(cm.tolist())
        models[name] = {
            "miou": float(np.mean([v for v in iou.values() if v is not None])),
            "pixel_accuracy": float(np.trace(cm) / cm.sum()),
            "class_iou": iou,
            "confusion_matrix": cm.tolist(),
            "errors": picture_of(np.where(valid & (truth != labels), 255, 0).astype(np.uint8)),
            "taxonomy": "street8",
            "counted": None,
        }
    pairs = []
    for (a, of_a), (b, of_b) in combinations(maps.items(), 2):
        outcome = np.where(valid, (of_b != truth) * 1 + (of_a != truth) * 2, 4).astype(np.uint8)
        counts = np.bincount(outcome.ravel(), minlength=5)[:4].tolist()
        names = ("both_right", "only_a", "only_b", "both_wrong")
        pairs.append({"a": a, "b": b, **dict(zip(names, counts, strict=True)), "outcome": picture_of(outcome)})
    ids = picture_of(np.where(valid, truth, 255).astype(np.uint8))
    return {"models": models, "pairs": pairs, "truth": {"street8": ids}}
