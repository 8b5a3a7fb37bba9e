"""Numbers of the Benchmark page, read from the models' evaluation records. Fractions are 0..1."""

from collections.abc import Mapping, Sequence
from typing import Any

from front.ui.charts import Difference
from front.ui.names import dataset_name

Record = Mapping[str, Any]


def benchmark_row(entry: Record, evaluation: Record | None) -> dict[str, Any]:
    """One line of the table; None where a number was not measured. Per cent, milliseconds, millions, megabytes."""
    metrics = entry.get("metrics") or {}
    evaluation = evaluation or {}
    latency = evaluation.get("latency") or {}
    total = (latency.get("ms") or {}).get("total") or {}
    row: dict[str, Any] = {
        "mIoU": _percent(metrics.get("miou")),
        "mIoU, 8 classes": _percent(metrics.get("miou_8")),
        "mIoU, 7 classes": _percent(metrics.get("miou_7")),
        "Pixel accuracy": _percent(metrics.get("pixel_accuracy")),
        "Boundary IoU": _percent((evaluation.get("boundary") or {}).get("boundary_iou")),
        "Calibration error": _percent((evaluation.get("calibration") or {}).get("ece")),
        "Latency p50": total.get("p50"),
        "Latency p95": total.get("p95"),
        "Images per second": 1000 / total["p50"] if total.get("p50") else None,
        "Multiply-adds": _in_units((evaluation.get("cost") or {}).get("multiply_adds"), 1e9),
        "Parameters": _in_units(entry.get("parameters"), 1e6),
        "File": _in_units(entry.get("file_size_bytes"), 1e6),
        "Peak memory": _in_units(latency.get("peak_rss_bytes"), 1e6),
        "Photo": latency.get("photo"),
        "Machine": _machine(latency),
        "Data": f"{dataset_name(metrics['dataset'])} {metrics['split']}, {metrics['images']} images"
        if metrics
        else None,
        "Version": entry.get("version"),
    }
    for name, value in (metrics.get("class_iou") or {}).items():
        row[f"IoU {name}"] = _percent(value)
    return row


def _machine(latency: Record) -> str | None:
    """`AMD EPYC, 2 cores, openvino bf16`."""
    machine = latency.get("machine") or {}
    if not machine:
        return None
    engine = " ".join(str(latency[key]) for key in ("engine", "precision") if latency.get(key))
    return ", ".join(filter(None, (str(machine.get("processor")), f"{machine.get('cores')} cores", engine)))


def difference_rows(answer: Record) -> list[Difference]:
    """`/differences`' answer in points, the mean first; a class that neither model was measured on is left out."""
    rows = {"mean": answer["mean"]} | answer["classes"]
    return [
        (name, 100 * row["difference"], _percent(row["low"]), _percent(row["high"]))
        for name, row in rows.items()
        if row["difference"] is not None
    ]


def sentence(rows: Sequence[Difference], a: str, b: str, min_blocks: int) -> str:
    """What the intervals say, for people who do not read charts; without them, of how few stretches there are."""
    if any(low is None for _, _, low, _ in rows):
        return (
            f"The images come from fewer than {min_blocks} independent stretches of video, so how far these "
            "differences would move on other streets cannot be said."
        )
    sure = [(n, d) for n, d, low, high in rows if low is not None and high is not None and (low > 0 or high < 0)]
    if not sure:
        return f"No difference between {a} and {b} is beyond what another draw of images would give."
    better = [f"{n} ({d:+.1f})" for n, d in sure if d > 0]
    worse = [f"{n} ({d:+.1f})" for n, d in sure if d < 0]
    parts = []
    if better:
        parts.append(f"better on {', '.join(better)}")
    if worse:
        parts.append(f"worse on {', '.join(worse)}")
    return f"{b} is {' and '.join(parts)} points than {a}, beyond what another draw of images would give."


def class_iou_sentence(model: str, iou: Mapping[str, float | None]) -> str:
    """A model's IoU of each class in words, for those who do not see the bars."""
    values = ", ".join(f"{name} {100 * value:.0f} %" for name, value in iou.items() if value is not None)
    return f"{model}: {values}."


def confusion_sentence(matrix: Sequence[Sequence[float]], names: Sequence[str], most: int = 3) -> str:
    """The largest mistakes of a confusion matrix (rows truth) in words."""
    mistakes = [
        (100 * count / sum(row), names[i], names[j])
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    if not mistakes:
        return "Nothing is taken for anything else."
    worst = sorted(mistakes, reverse=True)[:most]
    return "Most often: " + ", ".join(f"{a} taken for {b} ({share:.0f} %)" for share, a, b in worst) + "."


def image_scores(evaluation: Record) -> list[tuple[str, float]]:
    """(image, mIoU) of each image that has a score."""
    return [(i["name"], float(i["miou"])) for i in evaluation.get("per_image") or () if i.get("miou") is not None]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _in_units(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
