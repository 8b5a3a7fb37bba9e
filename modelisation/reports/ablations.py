"""The table of an ablation's results, in Markdown."""

from statistics import mean, stdev

from modelisation.reports.markdown import table
from modelisation.tuning.results import BASELINE, Ablation, Result


def ablation_table(ablation: Ablation) -> str:
    """Variant, mIoU, difference from the baseline and steps; with several seeds means, and their spread.

    A difference is taken seed by seed, so that what a seed does to both sides drops out.
    """
    runs: dict[str, dict[int, Result]] = {}
    for result in ablation.results:
        runs.setdefault(result.variant, {})[result.seed] = result
    baseline = runs.get(BASELINE, {})
    rows = []
    for name, by_seed in runs.items():
        differences = [100 * (r.miou - baseline[s].miou) for s, r in by_seed.items() if s in baseline]
        rows.append(
            [
                name,
                f"{100 * mean(r.miou for r in by_seed.values()):.1f}",
                "" if name == BASELINE or not differences else _format_difference(differences),
                f"{max(r.steps for r in by_seed.values()):,}",
            ]
        )
    lines = table(["variant", f"mIoU on {ablation.split} %", "difference", "steps"], rows)
    seeds = max(map(len, runs.values()), default=0)
    return "\n".join(lines) + f"\n\n{ablation.dataset}, {_describe_seeds(seeds)}.\n"


def _format_difference(differences: list[float]) -> str:
    text = f"{mean(differences):+.1f}"
    return text if len(differences) == 1 else f"{text} ± {stdev(differences):.1f}"


def _describe_seeds(seeds: int) -> str:
    if seeds == 1:
        return "one seed: what lies within a point of the baseline may be chance"
    return f"{seeds} seeds: the mean, and after ± the standard deviation of the difference over seeds"
