"""`compare`: several models on one split, side by side, with what the data can tell of their differences."""

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.card import read_card
from back.runtime.scores.bootstrap import BLOCK_FRAMES, block_of, paired_differences
from back.runtime.taxonomy import TAXONOMIES
from modelisation.commands.arguments import MODEL_HELP, add_data_arguments, describe, load_for
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.inference import SERVED, InferenceOptions, parse_inference
from modelisation.registry.bundles import default_tracking_uri, resolve_model
from modelisation.reports.comparison import markdown, score_table
from modelisation.reports.comparison_in_mlflow import log_report
from modelisation.reports.evaluation import worst_images

SCHEMA_VERSION = 1
REPORT_MARKDOWN, REPORT_JSON = "report.md", "report.json"


class ComparisonError(ValueError):
    """Scores that must not stand side by side: says which and why."""


def compare_records(records: Sequence[dict[str, Any]], *, block_frames: int = BLOCK_FRAMES) -> dict[str, Any]:
    """Put evaluation records side by side.

    Args:
        records: as `evaluate` writes them, one a model.
        block_frames: frames of video that count as one independent block.

    Returns:
        The report: what was compared, `models` (each record with `label` and `worst_images`, without `per_image`),
        and `differences` of every pair with a bootstrap interval and a sentence.

    Raises:
        ComparisonError: no records, or they are of different taxonomies, splits or images.
    """
    if not records:
        raise ComparisonError("nothing to compare; name at least one model")
    first = records[0]
    for record in records[1:]:
        for key, what in (("taxonomy", "classes"), ("split_sha256", "splits"), ("images", "numbers of images")):
            if record[key] != first[key]:
                raise ComparisonError(
                    f"{first['model']} and {record['model']} were scored on different {what} ({first[key]} and "
                    f"{record[key]}); evaluate both on the same split with the same taxonomy"
                )
    labels = unique_labels(records)
    names = [image["name"] for image in first["per_image"]]
    blocks = block_of(first["per_image"], block_frames)
    matrices = [_matrices(record, names) for record in records]
    differences = []
    for i, j in combinations(range(len(records)), 2):
        difference = paired_differences(matrices[i], matrices[j], blocks).mean
        differences.append(
            {"a": labels[i], "b": labels[j]}
            | difference.as_json()
            | {"sentence": difference.sentence(labels[i], labels[j])}
        )
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: first[key] for key in ("dataset", "split", "split_sha256", "taxonomy", "images")},
        "blocks": len(set(blocks)),
        "block_frames": block_frames,
        "models": [_summary(record, label) for record, label in zip(records, labels, strict=True)],
        "differences": differences,
    }


def unique_labels(records: Sequence[dict[str, Any]]) -> list[str]:
    """The models' names, with the inference where it is not the served one.

    Where two are equal, their weights' hash or their place in the list tells them apart.
    """
    names = [_name(record) for record in records]
    hashed = [
        n if names.count(n) == 1 else f"{n} {r['model_sha256'][:6]}" for n, r in zip(names, records, strict=True)
    ]
    return [n if hashed.count(n) == 1 else f"{n} #{i + 1}" for i, n in enumerate(hashed)]


def _name(record: dict[str, Any]) -> str:
    flip, window = (record["inference"][key] for key in ("flip", "sliding_window"))
    inference = InferenceOptions(flip, (window[0], window[1]) if window else None)
    return record["model"] if inference.served else f"{record['model']} {inference.label}"


def write_report(report: dict[str, Any], folder: Path) -> list[Path]:
    """Write Markdown, JSON and figures; returns the files."""
    from modelisation.figures.comparison import accuracy_latency_figure, class_iou_figure, reliability_figure
    from modelisation.figures.run import confusion_figure

    folder.mkdir(parents=True, exist_ok=True)
    models = report["models"]
    labels = [model["label"] for model in models]
    drawn = {"IoU of each class": ("class_iou.png", class_iou_figure(models, labels))}
    if all(model["latency"] for model in models):
        drawn["Accuracy against latency"] = ("accuracy_latency.png", accuracy_latency_figure(models, labels))
    if any(model["calibration"] for model in models):
        drawn["Confidence against accuracy"] = ("reliability.png", reliability_figure(models, labels))
    for model in models:
        matrix = np.array(model["confusion_matrix"], np.int64)
        name = f"confusion_{re.sub(r'[^a-z0-9]+', '_', model['label'].lower())}.png"
        figure = confusion_figure(matrix, TAXONOMIES[report["taxonomy"]])
        drawn[f"Confusion matrix of {model['label']}"] = (name, figure)
    for file, figure in drawn.values():
        figure.savefig(folder / file, dpi=120)
    figures = {title: file for title, (file, _) in drawn.items()}
    (folder / REPORT_MARKDOWN).write_text(markdown(report, figures), encoding="utf-8")
    (folder / REPORT_JSON).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return [folder / file for file in (REPORT_MARKDOWN, REPORT_JSON, *figures.values())]


def _matrices(record: dict[str, Any], names: Sequence[str]) -> np.ndarray:
    by_name = {image["name"]: image["confusion_matrix"] for image in record["per_image"]}
    if by_name.keys() != set(names):
        raise ComparisonError(f"{record['model']} was scored on other images; evaluate the models on the same split")
    return np.array([by_name[name] for name in names], np.int64)


def _summary(record: dict[str, Any], label: str) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key != "per_image"}
    worst = [{"name": w["name"], "miou": w["miou"]} for w in worst_images(record, 5)]
    return {"label": label, **kept, "worst_images": worst}


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
    parser.add_argument("--latency-runs", type=int, default=50, metavar="N", help="timed predictions; 0: none")
    parser.add_argument("--calibration", action="store_true", help="also the expected calibration error (slow)")
    parser.add_argument(
        "--block-frames",
        type=int,
        default=BLOCK_FRAMES,
        metavar="N",
        help=f"frames of video in an independent block (default: {BLOCK_FRAMES})",
    )
    parser.add_argument("--no-log", action="store_true", help="do not log the report to MLflow (MLFLOW_TRACKING_URI)")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `compare`; returns the exit status."""
    ways = [parse_inference(text) for text in args.inference]
    # Checked before anything is scored: a wrong name or taxonomy shows at once, not after minutes.
    taxonomies = {read_card(resolve_model(model)).taxonomy.id for model in args.models}
    if len(taxonomies) > 1:
        raise ComparisonError(
            f"the models predict different classes ({', '.join(sorted(taxonomies))}); compare models of one taxonomy"
        )
    records = []
    for model in args.models:
        bundle, predictor, data = load_for(args, model)
        for way in ways:
            options = EvaluationOptions(way, args.calibration, args.latency_runs, progress=True)
            records.append(evaluate(bundle, data, options, predictor=predictor))
    report = compare_records(records, block_frames=args.block_frames)
    files = write_report(report, args.out)
    print("\n".join([*score_table(report["models"]), *(d["sentence"] for d in report["differences"])]))
    print(f"written to {args.out / REPORT_MARKDOWN}")
    if args.json:
        shutil.copyfile(args.out / REPORT_JSON, args.json)
        print(f"written to {args.json}")
    if not args.no_log:
        print(f"logged as MLflow run {log_report(report, files, default_tracking_uri())}")
    return 0
