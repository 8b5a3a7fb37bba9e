"""`robustness`: score a model on perturbed photos, into its card."""

import argparse

from modelisation.commands.arguments import add_measured_model, describe, is_kept, load_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `robustness`."""
    describe(
        parser,
        "Score a model on perturbed photos and on rendered scenes, and write what it loses, and how far it carries, "
        "into its card. A model of the registry is only "
        "scored, since a registered version never changes.",
        "robustness modelisation/bundled/deeplabv3plus --data ../shared/camvid --split val",
    )
    add_measured_model(parser)


def run(args: argparse.Namespace) -> int:
    """Run `robustness`; returns the exit status."""

    from modelisation.evaluation.robustness import check_split, measure_robustness
    from modelisation.export.bundle import store_robustness
    from modelisation.export.carry import measure_carry, store_carry
    from modelisation.reports.evaluation import format_robustness

    bundle, predictor, dataset = load_for(args, args.model)
    store = is_kept(args)
    if store:
        check_split(predictor.card, dataset)
    report = measure_robustness(predictor, dataset, progress=True)
    print(format_robustness(report))
    if store:
        store_robustness(bundle, report)
        store_carry(bundle, measure_carry(predictor, bundle, progress=True))
        print(f"written into the card and the report of {bundle}")
    return 0
