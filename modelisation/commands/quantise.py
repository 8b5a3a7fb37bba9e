"""`quantise`: make the int8 form of a bundle."""

import argparse
from pathlib import Path

from modelisation.commands.arguments import MODEL_HELP, add_split_arguments, at_least, describe, open_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `quantise`."""
    describe(
        parser,
        "Quantise a model's network to int8 after training, and write it as a bundle of its own. Its card tells what "
        "it was calibrated on and what it lost; where that is more than the limit, layers go back to float. Needs "
        "NNCF: pip install -r modelisation/export/int8/requirements.txt",
        "quantise modelisation/bundled/segformer --data ../shared/camvid --out bundles/segformer-int8",
        "promote bundles/segformer-int8 --data ../shared/camvid",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the new bundle, a folder not there yet"
    )
    parser.add_argument("--name", help="of the new model (default: the model's name and -int8)")
    add_split_arguments(parser)
    parser.add_argument(
        "--calibration-split", default="train", metavar="SPLIT", help="whose photos set the scales (default: train)"
    )
    parser.add_argument(
        "--calibration-images", type=at_least(1), default=64, metavar="N", help="how many of them (default: 64)"
    )
    parser.add_argument(
        "--images", type=at_least(1), metavar="N", help="judge by N images of the split (default: all)"
    )
    parser.add_argument(
        "--max-points", type=_points, default=0.5, metavar="P", help="points of mIoU that may be lost (default: 0.5)"
    )


def _points(text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = -1.0
    if not 0 <= points <= 100:
        raise argparse.ArgumentTypeError(f"wanted points of mIoU, 0 to 100, not {text!r}")
    return points


def run(args: argparse.Namespace) -> int:
    """Run `quantise`; returns the exit status."""

    from back.runtime.card import read_card
    from modelisation.export.int8.quantise import quantise_bundle
    from modelisation.export.parity import sample_evenly
    from modelisation.registry.versions import resolve_model

    source = resolve_model(args.model)
    card = read_card(source)
    validation = sample_evenly(open_for(args, card), args.images)
    split, args.split = args.split, args.calibration_split
    calibration = sample_evenly(open_for(args, card), args.calibration_images)
    args.split = split
    bundle = quantise_bundle(
        source,
        args.out,
        args.name or f"{card.name}-int8",
        calibration,
        validation,
        max_points=args.max_points,
        progress=True,
    )
    record = read_card(bundle).quantisation
    assert record is not None
    before, after = (100 * miou for miou in record.miou)
    print(
        f"{record.layers} of {record.of_layers} layers in int8, calibrated on {record.images} photos of "
        f"{record.dataset} {record.split}; mIoU on {record.checked_on}: {before:.2f} in fp32, {after:.2f} in int8"
    )
    print(
        f"The bundle is in {bundle}; `python -m modelisation promote {bundle} --data {args.data}` makes it champion"
    )
    return 0
