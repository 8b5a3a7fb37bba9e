"""`compare`: compare models on a split and write the report."""

import argparse
from pathlib import Path

from back.runtime.scores.bootstrap import BLOCK_FRAMES
from modelisation.commands.arguments import MODEL_HELP, add_data_arguments, at_least, describe, load_for
from modelisation.evaluation.inference import SERVED
from modelisation.outputs.files import check_json_output, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `compare`."""
    describe(
        parser,
        "Score models on one split and write a report: Markdown, JSON and figures.",
        "compare modelisation/bundled/deeplabv3plus modelisation/bundled/segformer --data ../shared/camvid",
        "compare modelisation/bundled/segformer --data ../shared/camvid --inference served flip 256x320",
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--out", type=Path, default=Path("out/compare"), metavar="DIR", help="where to write")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON report here too")
    parser.add_argument(
        "--inference",
        nargs="+",
        default=[SERVED],
        metavar="HOW",
        help=f"score each model in each of these ways: {SERVED}, flip (averaged with the mirrored photo), 256x320 "
        "(overlapping windows, height x width), 256x320+flip (default: as served)",
    )
    parser.add_argument(
        "--latency-runs",
        type=at_least(0),
        default=50,
        metavar="N",
        help="timed predictions of each model, which take turns; 0: none",
    )
    parser.add_argument("--calibration", action="store_true", help="also the expected calibration error")
    parser.add_argument(
        "--block-frames",
        type=at_least(1),
        default=BLOCK_FRAMES,
        metavar="N",
        help=f"frames of video in an independent block (default: {BLOCK_FRAMES})",
    )
    parser.add_argument("--no-log", action="store_true", help="do not log the report to MLflow (MLFLOW_TRACKING_URI)")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `compare`; returns the exit status."""

    from back.runtime.card import read_card
    from modelisation.evaluation.coarser import common_taxonomy, counted_in
    from modelisation.evaluation.compare import compare_records
    from modelisation.evaluation.evaluate import EvaluationOptions, evaluate, latency_photos
    from modelisation.evaluation.inference import parse_inference
    from modelisation.evaluation.latency import Served, measure_in_turn
    from modelisation.registry.mlflow_store import default_tracking_uri
    from modelisation.registry.versions import resolve_model
    from modelisation.reports.comparison import REPORT_KEYS, REPORT_MARKDOWN, check_report, score_table, write_report
    from modelisation.reports.comparison_in_mlflow import log_report

    check_report(args.out)
    if args.json:
        check_json_output(args.json, REPORT_KEYS)
    ways = [parse_inference(text) for text in args.inference]
    # Checked before anything is scored: a wrong name or taxonomy shows at once, not after minutes.
    taxonomies = [read_card(resolve_model(model)).taxonomy for model in args.models]
    common = common_taxonomy(args.models, taxonomies)
    finer = [name for name, one in zip(args.models, taxonomies, strict=True) if not one.same_classes(common)]
    if finer:
        print(f"counted in the coarser classes of {common.id}: {', '.join(finer)}")
    records, timed = [], []
    for model in args.models:
        bundle, predictor, data = load_for(args, model)
        for way in ways:
            options = EvaluationOptions(way, args.calibration, latency_runs=0, progress=True)
            record = evaluate(bundle, data, options, predictor=predictor)
            records.append(counted_in(record, predictor.card.taxonomy, common))
            if args.latency_runs and way.served:
                timed.append((records[-1], Served(bundle, predictor, latency_photos(data))))
    latencies = measure_in_turn([served for _, served in timed], args.latency_runs, progress=True)
    for (record, _), latency in zip(timed, latencies, strict=True):
        record["latency"] = latency
    report = compare_records(records, block_frames=args.block_frames)
    files = write_report(report, args.out)
    print("\n".join([*score_table(report["models"]), *(d["sentence"] for d in report["differences"])]))
    print(f"written to {args.out / REPORT_MARKDOWN}")
    if args.json:
        write_json(args.json, report, REPORT_KEYS)
        print(f"written to {args.json}")
    if not args.no_log:
        print(f"logged as MLflow run {log_report(report, files, default_tracking_uri())}")
    return 0
