"""Write the masks of photos through the served runtime. `python -m modelisation predict MODEL PATH… --out DIR`."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from back.runtime.imaging import ImageError
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray_png, encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.data.base import DatasetError
from modelisation.registry.bundles import resolve_model

MAX_PIXELS = 200_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation predict modelisation/bundled/segformer photo.jpg --out out"
    parser.add_argument("model", metavar="MODEL", help="bundle folder, or models:/name@alias")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="photos, or folders of photos")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the masks")
    parser.add_argument("--classes", action="store_true", help="write class ids as 8-bit grey instead of colours")


def run(args: argparse.Namespace) -> int:
    """Exit status 1 where a photo could not be read; the others are written all the same."""
    photos = _photos(args.paths)
    predictor = Predictor.load(resolve_model(args.model))
    palette = palette_of(predictor.card.taxonomy)
    args.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for photo in tqdm(photos, desc="predicting", unit="img"):
        try:
            labels = predictor.predict(photo.read_bytes(), MAX_PIXELS).labels_HW
        except ImageError as error:
            failed += 1
            tqdm.write(f"predict: {photo}: {error}", file=sys.stderr)
            continue
        png = encode_gray_png(labels) if args.classes else encode_palette_png(labels, palette)
        (args.out / f"{photo.stem}.png").write_bytes(png)
    print(f"{len(photos) - failed} masks are in {args.out}" + (f"; {failed} photos failed" if failed else ""))
    return 1 if failed else 0


def _photos(paths: list[Path]) -> list[Path]:
    """The photos named, and those in the folders named.

    Raises:
        DatasetError: a path does not exist, a folder holds no photo, or two photos would give one mask file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DatasetError(f"{path}: no such file or folder")
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise DatasetError(f"{path}: holds no photo ({', '.join(IMAGE_SUFFIXES)})")
        found += inside
    stems = [p.stem for p in found]
    twice = {stem for stem in stems if stems.count(stem) > 1}
    if twice:
        raise DatasetError(f"two photos are called {sorted(twice)[0]}: their masks would overwrite each other")
    return found
