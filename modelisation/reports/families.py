"""The table of docs/families.json, which `make models` writes: what works with which family of networks."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine, versions

FAMILIES_REPORT = REPOSITORY / "docs" / "families.json"
_TERMINAL_COLOURS = re.compile("\x1b\\[[0-9;]*m")  # in what PyTorch's exporter says
Report = Mapping[str, Any]
Cell = Mapping[str, Any]
_HEADER = (
    "family", "import s", "train, s a step", "export", "OpenVINO, pixels as PyTorch %",
    "ONNX Runtime, pixels as PyTorch %", "agreement with its library %", "ms a photo",
)  # fmt: skip


def families_lines(path: Path = FAMILIES_REPORT) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make models`."]
    return families_table(json.loads(path.read_text(encoding="utf-8")))


def families_table(report: Report) -> list[str]:
    """One row a family; below it why cells say `no`, and how it was measured."""
    reasons: list[str] = []
    rows = [_row(row, reasons) for row in report["rows"]]
    notes = [f"{i}. {reason}" for i, reason in enumerate(reasons, start=1)]
    why = ["", "`no` or `failed`, with what the program said:", "", *notes] if notes else []
    return [*table(_HEADER, rows), *why, "", _measurement(report)]


def _row(row: Report, reasons: list[str]) -> list[str]:
    def said(key: str, form: Any, failed: str = "failed") -> str:
        cell: Cell = row.get(key) or {"value": None}
        if "failed" in cell:
            reason = _TERMINAL_COLOURS.sub("", cell["failed"])
            if reason not in reasons:
                reasons.append(reason)
            return f"{failed} ({reasons.index(reason) + 1})"
        return "–" if cell["value"] is None else form(cell["value"])

    def share(key: str) -> str:
        # That all pixels are of one class is easily agreed on.
        alone = " (one class)" if row.get("classes_seen") == 1 and "failed" not in (row.get(key) or {}) else ""
        text = said(key, _percent)
        return text if text == "–" else text + alone

    size = row.get("input")
    return [
        row["family"],
        said("import", "{:.1f}".format),
        said("train", "{:.2f}".format, failed="no"),
        said("export", _size),
        share("openvino"),
        share("onnxruntime"),
        share("agreement"),
        said("ms", "{:.1f}".format) + (f" at {size[1]}x{size[0]}" if size else ""),
    ]


def _size(size: Any) -> str:
    return "open sizes" if size == "open" else f"fixed {size[1]}x{size[0]}"


def _percent(share: float) -> str:
    """Two decimals, cut off and not rounded: 100 stands for every pixel."""
    return f"{int(share * 10_000) / 100:.2f}"


def _measurement(report: Report) -> str:
    """On which machine and how, and what the numbers are worth."""
    scenes, photo, packages = (report[key] for key in ("scenes", "photo", "packages"))
    seen = [row["classes_seen"] for row in report["rows"] if "classes_seen" in row]
    least, most = min(seen, default=0), max(seen, default=0)
    classes = f" Their labels hold {f'{least} to ' if least < most else ''}{most} of 8 classes." if seen else ""
    named = {
        name: packages[name] for name in ("torch", "transformers", "openvino", "onnxruntime") if name in packages
    }
    return (
        "The networks are small and have random weights: the times tell families apart, not trained models. "
        f"Import: the whole command, with its export and its comparison with the library on rendered scenes. Train: "
        f"a step of two crops with a finite gradient. Engines: in float32, on {scenes['number']} rendered scenes of "
        f"{scenes['width']}x{scenes['height']}.{classes} Agreement: the lower of both engines. A photo: a JPEG of "
        f"{photo['width']}x{photo['height']} from its bytes to its labels, OpenVINO on one thread, the median of "
        f"{report['rounds']} rounds in which all families take turns; after `at` the size that the network sees. "
        f"{on_machine(report)}; {versions(named)}; {on_day(report)}."
    )
