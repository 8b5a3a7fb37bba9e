"""`predict`: write the masks of photos."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from back.runtime.layouts.listing import shown
from back.runtime.predictor import Predictor
from modelisation.labelling.photo_files import check_masks, find_photos, write_masks
from modelisation.registry.versions import resolve_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation predict modelisation/bundled/segformer photo.jpg --out out"
    parser.add_argument("model", metavar="MODEL", help="bundle folder, or models:/name@alias")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="photos, or folders of photos")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the masks")
    parser.add_argument("--classes", action="store_true", help="write class ids as 8-bit grey instead of colours")


def run(args: argparse.Namespace) -> int:
    """Exit status 1 where a photo could not be read; the others are written all the same."""
    photos, left_out = find_photos(args.paths, args.out)
    check_masks(photos, args.out)  # before the model takes its seconds
    for sentence in left_out:
        print(f"predict: {sentence}", file=sys.stderr)
    predictor = Predictor.load(resolve_model(args.model))
    written = write_masks(predictor, photos, args.out, as_ids=args.classes)
    failed = 0
    for photo, error in tqdm(written, desc="predicting", unit="img", total=len(photos)):
        if error is not None:
            failed += 1
            tqdm.write(f"predict: {shown(photo)}: {error}", file=sys.stderr)
    print(f"{len(photos) - failed} masks are in {args.out}" + (f"; {failed} photos failed" if failed else ""))
    return 1 if failed else 0
