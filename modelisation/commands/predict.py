"""`predict`: write the masks of photos, and the overlays of clips."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.errors import UserError, sentence_of
from modelisation.commands.arguments import at_least, describe
from modelisation.labelling.format_names import PNG, TOOL_FORMATS

if TYPE_CHECKING:
    from back.runtime.predictor import Predictor
    from modelisation.labelling.labeller import Options
    from modelisation.labelling.photo_files import PhotoLabels, Way
    from modelisation.labelling.sources import Found

POOL, RAY = "pool", "ray"
_FEW = 400  # photos, for which loading the model once takes less time than a process for each processor saves


def add_arguments(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        "Label photos, one or ten million, and clips (MP4, MOV, WEBM, MKV) frame by frame. Beside the labels lie "
        "results.parquet and errors.parquet; what is done is not done again.",
        "predict modelisation/bundled/segformer photo.jpg --out out",
        "predict modelisation/bundled/segformer photos.txt s3://bucket/2026 --out out",
        "predict modelisation/bundled/segformer clip.mp4 --out out",
    )
    parser.add_argument("model", metavar="MODEL", help="bundle folder, or models:/name@alias")
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="photos, folders of photos, lists (NAME.txt: a path a line, from the list's folder), "
        "s3://bucket/prefix, clips",
    )
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
    photos.add_argument(
        "--engine",
        choices=(POOL, RAY),
        default=POOL,
        help="pool: processes of this machine; ray: actors of a Ray cluster, the one of RAY_ADDRESS or one that is "
        "begun here (default: pool)",
    )
    photos.add_argument(
        "--workers", type=at_least(1), metavar="N", help="processes or actors (default: one for each processor)"
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

    from back.runtime.card import read_card
    from back.runtime.predictor import Predictor
    from modelisation.labelling.clips import check_clips, is_clip
    from modelisation.labelling.labeller import Options
    from modelisation.labelling.photo_files import PhotoLabels
    from modelisation.labelling.source import is_in_bucket
    from modelisation.labelling.sources import Found, find_sources
    from modelisation.outputs.compiled import COMPILED
    from modelisation.registry.versions import resolve_version

    clips = [Path(path) for path in dict.fromkeys(args.paths) if is_clip(Path(path)) and not is_in_bucket(path)]
    photo_paths = [path for path in args.paths if is_in_bucket(path) or not is_clip(Path(path))]
    found = find_sources(photo_paths, args.out) if photo_paths else Found(())
    if args.classes and args.format != PNG:
        raise UserError(f"--classes is of masks; --format {args.format} names the classes itself")
    if clips and not photo_paths and (args.classes or args.format != PNG):
        raise UserError("--classes and --format are of photos; of clips --class-maps says how the ids are written")
    if clips and not photo_paths and (args.confidence or args.engine == RAY or args.workers):
        raise UserError("--confidence, --engine and --workers are of photos")
    bundle, version = resolve_version(args.model)
    card = read_card(bundle)
    options = Options(args.format, args.classes, args.confidence)
    check_clips(clips, args.out, args.class_maps)  # all is checked before the model takes its seconds
    predictor = cache(lambda: Predictor.load(bundle, cache_dir=COMPILED))
    failed = 0
    if photo_paths:
        with PhotoLabels(found, args.out, card, version, options) as labels:
            for sentence in found.sentences():
                print(f"predict: {sentence}", file=sys.stderr)
            if args.confidence and card.calibration is None:
                print(f"predict: {_uncalibrated(args.model)}", file=sys.stderr)
            failed += _predict_photos(labels, found, args, _way(found, bundle, options, args, predictor))
    failed += _predict_clips(predictor, clips, args)
    return 1 if failed else 0


def _predict_photos(labels: "PhotoLabels", found: "Found", args: argparse.Namespace, way: "Way") -> int:
    """Label the photos behind a bar; returns how many failed."""

    from tqdm import tqdm

    from back.runtime.layouts.listing import shown
    from modelisation.labelling.labeller import Failed, Labelled, Unchanged

    failed = unchanged = unlike = 0
    for file, error in found.refused:
        failed += 1
        print(f"predict: {shown(file)}: {error}", file=sys.stderr)
    with closing(labels.write(way)) as outcomes:
        for outcome in tqdm(outcomes, desc="predicting", unit="img", total=len(found.sources)):
            unchanged += isinstance(outcome, Unchanged)
            unlike += isinstance(outcome, Labelled) and bool(outcome.unfamiliar)
            if isinstance(outcome, Failed):
                failed += 1
                tqdm.write(f"predict: {shown(outcome.photo.file)}: {outcome.error}", file=sys.stderr)
    done = len(found.sources) + len(found.refused) - failed
    masks, of_photos = ("mask is", "photo's labels") if done == 1 else ("masks are", "photos' labels")
    print(
        f"{done} {masks if args.format == PNG else f'{of_photos} ({args.format}) are'} in {args.out}"
        + (f", {unchanged} of them from before" if unchanged else "")
        + (f"; {failed} photos failed" if failed else "")
    )
    if unlike:
        print(
            f"{unlike} of them {'is' if unlike == 1 else 'are'} unlike the streets that the model learnt from; much "
            "there may be wrong (column unfamiliar of results.parquet)"
        )
    return failed


def _way(
    found: "Found", bundle: Path, options: "Options", args: argparse.Namespace, predictor: "Callable[[], Predictor]"
) -> "Way":
    """Where the photos are labelled: on Ray, in processes, or, where they are few, here."""

    from functools import partial

    from back.runtime.process.threads import available_cpus
    from modelisation.labelling.labeller import Labeller
    from modelisation.labelling.on_ray import label_on_ray
    from modelisation.labelling.pool import label_here, label_in_processes

    if args.engine == RAY:
        return partial(label_on_ray, bundle, options, workers=args.workers)
    if args.workers is None and len(found.sources) < _FEW:
        model = predictor()  # before anything is written
        return partial(label_here, Labeller(model.card, lambda: model, options))
    workers = args.workers or available_cpus()
    return partial(label_in_processes, bundle, options, workers=workers, threads=max(1, available_cpus() // workers))


def _uncalibrated(model: str) -> str:
    return (
        f"the card of {model} holds no temperature, so its confidence is taken as it comes; `python -m modelisation "
        "calibrate` fits one on labelled photos"
    )


def _predict_clips(predictor: "Callable[[], Predictor]", clips: Sequence[Path], args: argparse.Namespace) -> int:
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
                report = write_clip(predictor(), clip, args.out, args.class_maps, options, show)
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
