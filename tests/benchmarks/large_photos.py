"""mIoU on large JPEGs: what decoding at a fraction of the size, resizing and bf16 cost together."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import requests
from PIL import Image
from tqdm import tqdm

from back.runtime.masks.colour import palette_of
from modelisation.data.base import SegmentationDataset
from tests.benchmarks.agreement import Reference, UInt8Array, miou
from tests.benchmarks.material import Material
from tests.benchmarks.photos import Case
from tests.benchmarks.usual import labels_of

WIDTH, QUALITY = 2048, 95


def enlarged(image_HWC: UInt8Array, label_HW: UInt8Array, pixel_budget: int | None) -> tuple[Case, UInt8Array]:
    """A labelled picture as a JPEG of 2048 pixels' width, and its label at that size."""
    height = round(image_HWC.shape[0] * WIDTH / image_HWC.shape[1])
    buffer = io.BytesIO()
    photo = Image.fromarray(image_HWC).resize((WIDTH, height), Image.Resampling.LANCZOS)
    photo.save(buffer, "JPEG", quality=QUALITY)
    label = Image.fromarray(label_HW).resize((WIDTH, height), Image.Resampling.NEAREST)
    return Case(f"{WIDTH}x{height} JPEG", buffer.getvalue(), height, WIDTH, pixel_budget), np.asarray(label)


def measure_large_photos(
    photos: SegmentationDataset,
    materials: Sequence[Material],
    urls: Mapping[int | None, str],
    references: Mapping[str, Reference],
) -> list[dict[str, Any]]:
    """One row a model and pixel budget: `{"model", "photos", "pixel_budget", "fp32_miou", "miou"}`.

    fp32: PyTorch on all pixels of the photo, resized once with the card's filter. The other: our API's answers.
    """
    rows = []
    for budget, url in urls.items():
        for material in materials:
            if (reference := references.get(material.name)) is None:
                continue
            truth, expected, served = [], [], []
            for sample in tqdm(photos, f"large photos, {material.name}", unit="photo"):
                case, label_HW = enlarged(sample.image, sample.label, budget)
                truth.append(label_HW)
                expected.append(reference.labels(case, full_decode=True))
                served.append(_ask(url, material, case))
            rows.append(
                {
                    "model": material.name,
                    "photos": f"{WIDTH} pixels wide, JPEG",
                    "pixel_budget": budget or material.card.input.pixel_budget,
                    "fp32_miou": miou(expected, truth, material.card),
                    "miou": miou(served, truth, material.card),
                }
            )
    return rows


def _ask(url: str, material: Material, case: Case) -> UInt8Array:
    answer = requests.post(f"{url}/predict?model={material.name}", files={"image": case.data}, timeout=120)
    answer.raise_for_status()
    return labels_of(answer.content, palette_of(material.card.taxonomy))
