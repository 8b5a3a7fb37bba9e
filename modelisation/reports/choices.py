"""The tables of what recipes and pixel budgets were chosen by: ablations and curves, measured on dev."""

import json
from collections.abc import Sequence
from pathlib import Path

from back.runtime.card import REPORT_FILE, read_card
from modelisation.evaluation.budget import REPORT_KEY, format_budget
from modelisation.reports.ablations import Ablation, ablation_table
from modelisation.tuning.ablate import RESULTS


def ablation_lines(results: Path = RESULTS) -> list[str]:
    """Every ablation's table under its name; without results the command that makes them."""
    if not results.is_file():
        return ["Not measured yet: `python -m modelisation ablate`."]
    ablations = {
        name: Ablation.model_validate(fields)
        for name, fields in json.loads(results.read_text(encoding="utf-8")).items()
    }
    parts = [f"**{name}**\n\n{ablation_table(ablation)}" for name, ablation in sorted(ablations.items())]
    return "\n".join(parts).rstrip().splitlines()


def budget_lines(bundles: Sequence[Path]) -> list[str]:
    """Every bundle's curve of mIoU against cost, where its report has one."""
    parts = []
    for bundle in bundles:
        report = json.loads((bundle / REPORT_FILE).read_text(encoding="utf-8"))
        if curve := report.get(REPORT_KEY):
            measured = f"{curve['dataset']} {curve['split']}, {curve['images']} images, {curve['threads']} thread(s)"
            parts.append(f"**{read_card(bundle).name}** ({measured})\n\n{format_budget(curve)}")
    if not parts:
        return ["Not measured yet: `python -m modelisation budget`."]
    return "\n\n".join(parts).splitlines()
