"""`budget`: score a model at several pixel budgets, into its report."""

import argparse
from pathlib import Path

from modelisation.commands.arguments import MODEL_HELP, add_data_arguments, describe, load_for
from modelisation.outputs.files import OutputFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `budget`."""
    measured = "budget runs/segformer-dev/bundle --data ../shared/camvid --split dev"
    describe(
        parser,
        "Score a model at several pixel budgets, draw the curve, and keep it in a bundle's report. A model of the "
        "registry is only scored, since a registered version never changes.",
        measured,
        f"{measured} --into modelisation/bundled/segformer",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument(
        "--budgets", type=int, nargs="+", metavar="PIXELS", help="default: a quarter of the card's to double it"
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="BUNDLE",
        help="keep the curve in this bundle, for instance the same network trained on all of train (default: MODEL)",
    )
    parser.add_argument("--no-store", action="store_true", help="only print and draw")
    parser.add_argument("--out", type=Path, default=Path("out/budget"), metavar="DIR", help="where the figure goes")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `budget`; returns the exit status."""

    from modelisation.evaluation.budget import budget_curve, check_architecture
    from modelisation.export.bundle import PIXEL_BUDGET, store_result
    from modelisation.figures.comparison import budget_figure
    from modelisation.figures.run import png_of
    from modelisation.reports.choices import format_budget

    bundle, predictor, dataset = load_for(args, args.model)
    into = args.into or (None if args.model.startswith("models:") else bundle)
    target = None if args.no_store else into
    if target is not None:
        check_architecture(target, predictor.card)
    figure = f"{predictor.card.name}.png"
    OutputFolder(args.out).check([figure])
    report = budget_curve(bundle, predictor, dataset, args.budgets, progress=True)
    print(format_budget(report))
    with OutputFolder(args.out) as out:
        print(f"written to {out.write(figure, png_of(budget_figure(report)))}")
    if target is not None:
        store_result(target, PIXEL_BUDGET, report)
        print(f"written into the report of {target}")
    return 0
