"""`predict`: write the masks of photos."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from back.runtime.card import read_card
from back.runtime.errors import UserError
from back.runtime.layouts.listing import shown
from back.runtime.predictor import Predictor
from modelisation.labelling.label_formats import FORMATS
from modelisation.labelling.photo_files import PNG, check_files, find_photos, label_files, write_labels
from modelisation.registry.versions import resolve_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation predict modelisation/bundled/segformer photo.jpg --out out"
    parser.add_argument("model", metavar="MODEL", help="bundle folder, or models:/name@alias")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="photos, or folders of photos")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the masks")
    parser.add_argument(
        "--format",
        choices=(PNG, *FORMATS),
        default=PNG,
        help="png: masks; coco: instances.json with RLE; polygons: Labelme's JSON; geojson: MultiPolygons in pixels; "
        "cvat: as CVAT imports segmentation masks (default: png)",
    )
    parser.add_argument("--classes", action="store_true", help="write class ids as 8-bit grey instead of colours")


def run(args: argparse.Namespace) -> int:
    """Exit status 1 where a photo could not be read; the others are written all the same."""
    photos, left_out = find_photos(args.paths, args.out)
    if args.classes and args.format != PNG:
        raise UserError(f"--classes is of masks; --format {args.format} names the classes itself")
    bundle = resolve_model(args.model)
    files = label_files(read_card(bundle).taxonomy, args.format, as_ids=args.classes)
    check_files(photos, args.out, files)  # before the model takes its seconds
    for sentence in left_out:
        print(f"predict: {sentence}", file=sys.stderr)
    written = write_labels(Predictor.load(bundle), photos, args.out, files)
    failed = 0
    for photo, error in tqdm(written, desc="predicting", unit="img", total=len(photos)):
        if error is not None:
            failed += 1
            tqdm.write(f"predict: {shown(photo)}: {error}", file=sys.stderr)
    what = "masks" if args.format == PNG else f"photos' labels ({args.format})"
    print(f"{len(photos) - failed} {what} are in {args.out}" + (f"; {failed} photos failed" if failed else ""))
    return 1 if failed else 0
