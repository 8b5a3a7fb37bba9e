"""`evaluate`: score a model on a labelled split."""

import argparse
from pathlib import Path

from modelisation.commands.arguments import MODEL_HELP, add_data_arguments, at_least, describe, load_for
from modelisation.outputs.files import check_json_output, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate`."""
    describe(
        parser,
        "Score a model on a labelled split, through the runtime that serves it.",
        "evaluate modelisation/bundled/deeplabv3plus --data ../shared/camvid --split val --json scores.json",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole record here")
    parser.add_argument(
        "--latency-runs", type=at_least(0), default=50, metavar="N", help="timed predictions; 0: none"
    )
    parser.add_argument("--calibration", action="store_true", help="also the expected calibration error")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored photo (twice the cost)")
    parser.add_argument(
        "--sliding-window", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="infer overlapping windows"
    )
    parser.add_argument(
        "--cityscapes-predictions",
        type=Path,
        metavar="DIR",
        help="write labelIds PNGs here and score them by the official protocol (cityscapes19 models)",
    )
    parser.add_argument("--worst", type=at_least(0), default=3, metavar="N", help="name the N worst images")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `evaluate`; returns the exit status."""

    from modelisation.evaluation.evaluate import RECORD_KEYS, EvaluationOptions, evaluate
    from modelisation.evaluation.inference import InferenceOptions
    from modelisation.reports.evaluation import format_record

    if args.json:
        check_json_output(args.json, RECORD_KEYS)
    bundle, predictor, dataset = load_for(args, args.model)
    window = tuple(args.sliding_window) if args.sliding_window else None
    options = EvaluationOptions(
        inference=InferenceOptions(flip=args.flip, window=window),
        calibration=args.calibration,
        latency_runs=args.latency_runs,
        predictions=args.cityscapes_predictions,
        progress=True,
    )
    record = evaluate(bundle, dataset, options, predictor=predictor)
    print(format_record(record, args.worst))
    if args.json:
        write_json(args.json, record, RECORD_KEYS)
        print(f"written to {args.json}")
    return 0
