"""What the stand-in for the API knows of its models and runs: the contract's records with plausible numbers."""

import io
import math
from typing import Any

import numpy as np
from PIL import Image

from back.runtime.taxonomy import STREET8

CLASSES = tuple((c.name, c.color) for c in STREET8.classes)
NAMES = tuple(name for name, _ in CLASSES)
MODELS = ("deeplabv3plus", "segformer")
STAGES = {"decode": 9.0, "resize": 4.0, "infer": 70.0, "argmax": 6.0, "encode": 3.0}


def matrix_of(seed: int, size: int = 8, scale: int = 1000, quality: float = 0.8) -> list[list[int]]:
    """A confusion matrix whose diagonal dominates."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, max(2, int(scale * (1 - quality) / size)), (size, size))
    np.fill_diagonal(matrix, rng.integers(int(scale * quality * 0.6), scale, size))
    return [[int(v) for v in row] for row in matrix]


def iou_of(matrix: list[list[int]]) -> dict[str, float | None]:
    cm = np.asarray(matrix, float)
    union = cm.sum(0) + cm.sum(1) - np.diag(cm)
    return {n: float(np.diag(cm)[i] / union[i]) if union[i] else None for i, n in enumerate(NAMES)}


def evaluation_of(model: str) -> dict[str, Any]:
    """An evaluation record with twelve images."""
    quality = 0.86 if model == "segformer" else 0.8
    images = [matrix_of(100 + i, quality=quality - 0.01 * i) for i in range(12)]
    total = np.sum([np.asarray(m) for m in images], 0).tolist()
    iou = iou_of(total)
    miou = float(np.mean([v for v in iou.values() if v is not None]))
    accuracy = float(np.trace(np.asarray(total)) / np.sum(total))
    p50 = 92.0 if model == "segformer" else 61.0
    return {
        "schema_version": 1,
        "model": model,
        "dataset": "scenes",
        "split": "val",
        "split_sha256": "ab" * 32,
        "taxonomy": "street8",
        "images": 12,
        "engine": "openvino bf16",
        "miou": miou,
        "miou_8": miou,
        "miou_7": float(np.mean([v for n, v in iou.items() if n != "background" and v is not None])),
        "pixel_accuracy": accuracy,
        "class_iou": iou,
        "confusion_matrix": total,
        "boundary": {"boundary_iou": miou - 0.2},
        "latency": {
            "ms": {s: {"p50": v, "p95": v * 1.3, "p99": v * 1.6} for s, v in STAGES.items()}
            | {"total": {"p50": p50, "p95": p50 * 1.3, "p99": p50 * 1.7}},
            "photo": "960x720 JPEG",
            "machine": {"processor": "AMD EPYC", "cores": 2},
            "engine": "openvino",
            "precision": "bf16",
            "peak_rss_bytes": 700_000_000 if model == "segformer" else 520_000_000,
        },
        "calibration": {"ece": 0.021},
        "cost": {"parameters": 4_000_000, "multiply_adds": 9_000_000_000, "file_size_bytes": 16_000_000},
        "per_image": [
            {
                "name": f"scene_{i:03}",
                "sequence": f"seq{i // 2}",
                "miou": float(np.mean([v for v in iou_of(m).values() if v is not None])),
                "pixel_accuracy": float(np.trace(np.asarray(m)) / np.sum(m)),
                "confusion_matrix": m,
            }
            for i, m in enumerate(images)
        ],
    }


def differences_of(a: str, b: str) -> dict[str, Any]:
    """`/differences`: b − a as fractions; every interval is two points wide."""
    iou = [evaluation_of(model)["class_iou"] for model in (a, b)]
    by_class = {name: _with_interval(iou[1][name] - iou[0][name]) for name in NAMES}
    mean = _with_interval(evaluation_of(b)["miou"] - evaluation_of(a)["miou"])
    asked = {"a": a, "b": b, "taxonomy": "street8", "dataset": "scenes", "split": "val", "images": 12}
    return asked | {"blocks": 6, "min_blocks": 5, "level": 0.95, "mean": mean, "classes": by_class}


def _with_interval(difference: float) -> dict[str, float | None]:
    return {"difference": difference, "low": difference - 0.01, "high": difference + 0.01}


FAMILIARITY: dict[str, Any] = {
    "unfamiliar_below": -2.8,
    "where_of": "scenes train",
    "set_on": "36 rendered scenes",
    "false_alarms": {"scenes val": 0.0},
    "noticed": {"noise": 1.0, "photos of other things": 0.9},
}


def calibration_of(model: str) -> dict[str, Any]:
    return {
        "temperature": 1.1,
        "dataset": "scenes",
        "split": "val",
        "split_sha256": "0" * 64,
        "images": 12,
        "nll": [0.3, 0.29],
        "ece": [0.02, 0.01],
        "unsure_below": 0.7 if model == "deeplabv3plus" else 0.6,
        "unsure_share": 0.08,
    }


def entry_of(model: str, version: str) -> dict[str, Any]:
    evaluation = evaluation_of(model)
    return {
        "name": model,
        "version": version,
        "alias": "champion",
        "sha256": (model.encode().hex() + version * 64)[:64],
        "architecture": model,
        "taxonomy": "street8",
        "description": f"{model} trained on rendered scenes, for tests.",
        "ready": True,
        "loading": False,
        "error": None,
        "engine": {"name": "openvino", "precision": "bf16", "reason": "the processor has AMX"},
        "metrics": {
            k: evaluation[k]
            for k in ("dataset", "split", "split_sha256", "images", "engine", "miou", "miou_8", "miou_7")
        }
        | {"pixel_accuracy": evaluation["pixel_accuracy"], "class_iou": evaluation["class_iou"]},
        "parameters": 4_912_000 if model == "deeplabv3plus" else 3_716_000,
        "multiply_adds": 9_000_000_000,
        "file_size_bytes": 19_900_000 if model == "deeplabv3plus" else 14_900_000,
        "pixel_budget": 518_400,
        "temperature": 1.1,
        "calibration": calibration_of(model),
        "familiarity": FAMILIARITY,
        "run_id": f"run-{model}",
        "data_licence": "rendered scenes",
        "weights_licence": "MIT",
    }


def loading_entry_of(model: str) -> dict[str, Any]:
    """A registered model that is being loaded: name and version are known, nothing else is."""
    known = {"name": model, "version": "1", "alias": "champion", "run_id": f"run-{model}"}
    state = {"ready": False, "loading": True, "error": f"{model} is being loaded; try again in a few seconds."}
    return dict.fromkeys(entry_of(model, "1")) | known | state


def card_of(model: str) -> dict[str, Any]:
    entry = entry_of(model, "1")
    return {
        "schema_version": 1,
        "name": model,
        "architecture": model,
        "build": {"encoder": "efficientnet_lite0"},
        "description": entry["description"],
        "limits": "Daylight only. Small pedestrians are often missed.",
        "taxonomy": taxonomy(),
        "input": {
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "resize_filter": "bilinear",
            "stride": 32,
            "score_stride": 4,
            "pixel_budget": 518_400,
            "fixed_size": None,
        },
        "parameters": entry["parameters"],
        "multiply_adds": entry["multiply_adds"],
        "metrics": entry["metrics"],
        **({"calibration": calibration_of(model)} if model == "segformer" else {}),
        **({"familiarity": FAMILIARITY} if model == "segformer" else {}),
        "training": {
            "run_id": f"run-{model}",
            "git_commit": "0123456789abcdef",
            "git_dirty": False,
            "seed": 7,
            "recipe": {"epochs": 20, "optimizer": {"name": "adamw", "lr": 0.001}},
            "dataset": "scenes",
            "split": "train",
            "split_sha256": "cd" * 32,
            "data_licence": "rendered scenes",
            "weights_licence": "MIT",
            "initialisation": "ImageNet",
            "teacher": {"name": "deeplabv3plus", "sha256": "ab" * 32, "weights_licence": "Apache-2.0"}
            if model == "segformer"
            else None,
            "epochs": 20,
            "steps": 4000,
            "steps_before": 6123 if model == "segformer" else 0,
            "wall_time_s": 5400.0,
            "packages": {"torch": "2.15.0"},
        },
        "carries": {"rendered scenes, 1024 × 512": 0.431},
        "robustness": {"fog": 6.2, "night": 21.5, "motion blur": 9.1},
        "self_test": {"image_png": "", "labels_png": "", "min_agreement": 0.99},
        "files": {"model.onnx": "ef" * 32, "model.safetensors": "12" * 32},
    }


def taxonomy() -> dict[str, Any]:
    classes = [{"id": i, "name": n, "color": list(c)} for i, (n, c) in enumerate(CLASSES)]
    return {"id": "street8", "classes": classes, "ignore_index": 255}


def run_of(model: str) -> dict[str, Any]:
    lr = "0.001" if model == "deeplabv3plus" else "0.0006"
    return {
        "run_id": f"run-{model}",
        "name": f"{model} scenes",
        "status": "FINISHED",
        "start_time": 1_760_000_000_000,
        "end_time": 1_760_005_400_000,
        "model": model,
        "version": "1",
        "params": {"architecture": model, "learning_rate": lr, "epochs": "20", "seed": "7"},
        "metrics": {name: points[-1]["value"] for name, points in history_of(model).items()},
        "tags": {},
        "url": f"http://127.0.0.1:5000/#/experiments/1/runs/run-{model}",
    }


def history_of(model: str) -> dict[str, list[dict[str, Any]]]:
    quicker = 1.0 if model == "deeplabv3plus" else 0.7

    def curve(function: Any) -> list[dict[str, Any]]:
        return [{"step": e, "value": function(e), "timestamp": 1_760_000_000_000 + e * 1000} for e in range(1, 21)]

    return {
        "train_loss": curve(lambda e: 1.6 * math.exp(-quicker * e / 8) + 0.2),
        "val_loss": curve(lambda e: 1.5 * math.exp(-quicker * e / 8) + 0.3),
        "val_miou": curve(lambda e: 0.7 * (1 - math.exp(-quicker * e / 6))),
        "val_pixel_accuracy": curve(lambda e: 0.92 * (1 - math.exp(-quicker * e / 4))),
        "val_iou_road": curve(lambda e: 0.95 * (1 - math.exp(-quicker * e / 3))),
        "learning_rate": curve(lambda e: 0.001 * (1 - e / 21) ** 0.9),
        "images_per_second": curve(lambda e: 30 + e % 3),
        "epoch_seconds": curve(lambda e: 270.0),
    }


def panel_picture_of(run: str, file: str) -> bytes:
    """Another colour for each epoch of each run; the same photos for all."""
    seen = file if file in ("photos.jpg", "truth.png") else run + file
    out = io.BytesIO()
    picture = Image.new(
        "RGB", (48, 80), tuple(np.random.default_rng(list(seen.encode())).integers(0, 256, 3).tolist())
    )
    picture.save(out, "JPEG" if file.endswith(".jpg") else "PNG")
    return out.getvalue()
