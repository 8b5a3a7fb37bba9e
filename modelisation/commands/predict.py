"""`predict`: write the masks of photos, and the overlays of clips."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelisation.labelling.format_names import PNG, TOOL_FORMATS

if TYPE_CHECKING:
    from back.runtime.predictor import Predictor

from back.runtime.errors import UserError, sentence_of
from modelisation.commands.arguments import at_least, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        "Label photos, and clips (MP4, MOV, WEBM, MKV) frame by frame.",
        "predict modelisation/bundled/segformer photo.jpg --out out",
        "predict modelisation/bundled/segformer clip.mp4 --out out",
    )
    parser.add_argument("model", metavar="MODEL", help="bundle folder, or models:/name@alias")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="photos, folders of photos, clips")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    photos = parser.add_argument_group("photos")
    photos.add_argument(
        "--format",
        choices=(PNG, *TOOL_FORMATS),
        default=PNG,
        help="png: masks; coco: instances.json with RLE; polygons: Labelme's JSON; geojson: MultiPolygons in pixels; "
        "cvat: as CVAT imports segmentation masks (default: png)",
    )
    photos.add_argument("--classes", action="store_true", help="write class ids as 8-bit grey instead of colours")
    photos.add_argument(
        "--confidence",
        action="store_true",
        help="also write NAME.confidence.png: the probability of each pixel's class as 16-bit grey, 65535 is certain",
    )
    clips = parser.add_argument_group("clips")
    clips.add_argument("--every", type=at_least(1), default=1, metavar="N", help="take each Nth frame (default: 1)")
    clips.add_argument(
        "--smooth", action="store_true", help="hold scores over time where the picture hardly changes: less flicker"
    )
    clips.add_argument(
        "--class-maps",
        choices=("zip", "video", "none"),
        default="zip",
        help="class ids of every frame: as PNG files in a zip, or as a video without loss (default: zip)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 1 where a photo or a clip could not be read; the others are written all the same."""

    from tqdm import tqdm

    from back.runtime.card import read_card
    from back.runtime.layouts.listing import shown
    from back.runtime.predictor import Predictor
    from modelisation.labelling.clips import check_clips, is_clip
    from modelisation.labelling.photo_files import check_files, find_photos, label_files, write_labels
    from modelisation.registry.versions import resolve_model

    clips = [path for path in dict.fromkeys(args.paths) if is_clip(path)]
    photo_paths = [path for path in args.paths if not is_clip(path)]
    photos, left_out = find_photos(photo_paths, args.out) if photo_paths else ([], [])
    if args.classes and args.format != PNG:
        raise UserError(f"--classes is of masks; --format {args.format} names the classes itself")
    if clips and not photos and (args.classes or args.format != PNG):
        raise UserError("--classes and --format are of photos; of clips --class-maps says how the ids are written")
    if clips and not photos and args.confidence:
        raise UserError("--confidence is of photos")
    bundle = resolve_model(args.model)
    card = read_card(bundle)
    files = label_files(card.taxonomy, args.format, as_ids=args.classes)
    check_files(photos, args.out, files, confidence=args.confidence)  # before the model takes its seconds
    check_clips(clips, args.out, args.class_maps)
    for sentence in left_out:
        print(f"predict: {sentence}", file=sys.stderr)
    predictor = Predictor.load(bundle)
    failed = 0
    if photos:
        if args.confidence and card.calibration is None:
            print(f"predict: {_uncalibrated(args.model)}", file=sys.stderr)
        written = write_labels(predictor, photos, args.out, files, confidence=args.confidence)
        for photo, error in tqdm(written, desc="predicting", unit="img", total=len(photos)):
            if error is not None:
                failed += 1
                tqdm.write(f"predict: {shown(photo)}: {error}", file=sys.stderr)
        what = "masks" if args.format == PNG else f"photos' labels ({args.format})"
        print(f"{len(photos) - failed} {what} are in {args.out}" + (f"; {failed} photos failed" if failed else ""))
    failed += _predict_clips(predictor, clips, args)
    return 1 if failed else 0


def _uncalibrated(model: str) -> str:
    return (
        f"the card of {model} holds no temperature, so its confidence is taken as it comes; `python -m modelisation "
        "calibrate` fits one on labelled photos"
    )


def _predict_clips(predictor: "Predictor", clips: Sequence[Path], args: argparse.Namespace) -> int:
    """Label clips one after the other, with a bar each; returns how many failed."""

    from tqdm import tqdm

    from back.runtime.layouts.listing import shown
    from back.runtime.video.label import ClipOptions, Progress
    from modelisation.labelling.clips import write_clip

    failed = 0
    options = ClipOptions(every=args.every, smooth=args.smooth)
    for clip in clips:
        with tqdm(desc=shown(clip.name), unit="frame") as bar:

            def show(progress: Progress, bar: "tqdm[Any]" = bar) -> None:
                bar.total = None if progress.of is None else -(-progress.of // args.every)
                bar.update(progress.frames - bar.n)

            try:
                report = write_clip(predictor, clip, args.out, args.class_maps, options, show)
            except (UserError, OSError) as error:
                failed += 1
                tqdm.write(f"predict: {shown(clip)}: {sentence_of(error)}", file=sys.stderr)
                continue
        for note in report.notes:
            print(f"predict: {shown(clip)}: {note}", file=sys.stderr)
        print(
            f"{report.frames} frames of {shown(clip)} ({report.width} x {report.height}) are labelled in {args.out}"
        )
    return failed
