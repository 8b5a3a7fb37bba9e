"""A comparison in MLflow: a run of its own with scores, files, and where they come from."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from back.runtime.mlflow_names import EXPERIMENT
from modelisation.provenance import git_state, package_versions
from modelisation.registry.inputs import Pictures, dataset_input, reader
from modelisation.registry.mlflow_store import beside_others, experiment_id, tracking_client, user_errors
from modelisation.registry.story import DESCRIPTION_TAG


def log_report(report: dict[str, Any], files: Sequence[Path], tracking_uri: str) -> str:
    """Log a report to MLflow as a run of its own; returns the run's id.

    Raises:
        UserError: MLflow does not answer or refuses.
    """
    code = git_state()
    tags = {key: str(report[key]) for key in ("dataset", "split", "split_sha256", "taxonomy")} | {
        "kind": "comparison",
        "git_commit": code["git_commit"],
        "git_dirty": str(code["git_dirty"]).lower(),
        "packages": json.dumps(package_versions()),
    }
    name = f"compare {' '.join(model['label'] for model in report['models'])}"
    with user_errors(tracking_uri):
        client = tracking_client(tracking_uri)
        run = client.create_run(experiment_id(client, EXPERIMENT), run_name=name, tags=tags)
        run_id = str(run.info.run_id)
        split = Pictures(
            dataset=report["dataset"],
            split=report["split"],
            sha256=report["split_sha256"],
            number=report["images"],
            licence=None,
            use="evaluation",
            made_by=reader(code["git_commit"]),
        )
        beside_others(lambda: client.log_inputs(run_id, [dataset_input(split)]))
        client.set_tag(run_id, DESCRIPTION_TAG, _describe(report))
        for model in report["models"]:
            slug = re.sub(r"[^A-Za-z0-9_.-]+", "_", model["label"])
            for metric, value in _metrics(model).items():
                client.log_metric(run_id, f"{slug}/{metric}", value)
        for file in files:
            client.log_artifact(run_id, str(file))
        client.set_terminated(run_id)
    return run_id


def _describe(report: dict[str, Any]) -> str:
    scores = ", ".join(f"{model['label']} {100 * model['miou']:.1f} %" for model in report["models"])
    names = " and ".join(model["label"] for model in report["models"])
    where = f"the {report['images']} pictures of {report['dataset']} {report['split']}"
    return f"{names} on {where}, with the same measures. mIoU: {scores}."


def _metrics(model: dict[str, Any]) -> dict[str, float]:
    latency, calibration = model["latency"], model["calibration"]
    metrics = {
        "miou": model["miou"],
        "pixel_accuracy": model["pixel_accuracy"],
        "boundary_iou": model["boundary"]["boundary_iou"],
        "ms_per_image": model["inference"]["ms_per_image"],
        "ece": calibration and calibration["ece"],
        "latency_p50_ms": latency and latency["ms"]["total"]["p50"],
        "latency_p95_ms": latency and latency["ms"]["total"]["p95"],
    }
    return {name: value for name, value in metrics.items() if value is not None}
