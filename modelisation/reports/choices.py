"""The tables of what recipes and pixel budgets were chosen by: ablations and curves, measured on dev."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from back.runtime.card import REPORT_FILE, read_card
from modelisation.export.bundle import PIXEL_BUDGET
from modelisation.reports.ablations import ablation_table
from modelisation.reports.markdown import points, table
from modelisation.tuning.results import RESULTS, read_ablations


def ablation_lines(results: Path = RESULTS) -> list[str]:
    """Every ablation's table under its name; without results the command that makes them."""
    if not results.is_file():
        return ["Not measured yet: `python -m modelisation ablate`."]
    ablations = read_ablations(results)
    parts = [f"**{name}**\n\n{ablation_table(ablation)}" for name, ablation in sorted(ablations.items())]
    return "\n".join(parts).rstrip().splitlines()


def budget_lines(bundles: Sequence[Path]) -> list[str]:
    """Every bundle's curve of mIoU against cost, where its report has one."""
    parts = []
    for bundle in bundles:
        report = json.loads((bundle / REPORT_FILE).read_text(encoding="utf-8"))
        if curve := report.get(PIXEL_BUDGET):
            measured = f"{curve['dataset']} {curve['split']}, {curve['images']} images, {curve['threads']} thread(s)"
            parts.append(f"**{read_card(bundle).name}** ({measured})\n\n{format_budget(curve)}")
    if not parts:
        return ["Not measured yet: `python -m modelisation budget MODEL --data DIR`."]
    return "\n\n".join(parts).splitlines()


def format_budget(report: Mapping[str, Any]) -> str:
    """The curve as a small Markdown table; the card's own budget is marked."""
    rows = []
    for point in report["curve"]:
        mark = " (card)" if point["pixel_budget"] == report["card_budget"] else ""
        rows.append(
            [
                f"{point['pixel_budget']:,}{mark}",
                "{1}x{0}".format(*point["input"]),
                points(point["miou"]),
                f"{point['ms_p50']:.1f}",
                f"{point['multiply_adds'] / 1e9:.2f}",
            ]
        )
    return "\n".join(table(["pixel budget", "input", "mIoU %", "ms (p50)", "multiply-adds (G)"], rows))
