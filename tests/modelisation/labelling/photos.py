"""Photos for the tests of labelling, and what a run of `predict` left of them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from back.runtime.taxonomy import STREET8
from tests.bundles import paint, stripes


def write_photos(folder: Path, count: int) -> list[Path]:
    """Photos of which each third is upright, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        height, width = (96, 64) if index % 3 == 2 else (64, 96)
        pixels = np.roll(paint(stripes(height, width, 8), STREET8), 5 * index, axis=1)
        paths.append(folder / f"{index:02d}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def results(out: Path) -> list[dict[str, object]]:
    return pq.read_table(out / "results.parquet").to_pylist()


def errors(out: Path) -> dict[str, str]:
    return {row["file"]: row["error"] for row in pq.read_table(out / "errors.parquet").to_pylist()}


def assert_complete(out: Path, inputs: list[str]) -> None:
    """Every input stands in one of the tables, and in one alone, once."""
    files = [row["file"] for row in results(out)] + list(errors(out))
    assert sorted(map(str, files)) == sorted(inputs)
