"""`calibrate`: make a model's confidence mean what it says, and let it say which photos it does not know."""

import argparse
from dataclasses import replace
from pathlib import Path

from modelisation.commands.arguments import add_measured_model, describe, is_kept, load_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `calibrate`."""
    describe(
        parser,
        "Fit the temperature of a model's confidence on labelled photos that it was not trained on, set from when on "
        "a photo is called unlike the streets that it knows, and write both into its card. Exporting a run does the "
        "same on its validation split. A model of the registry is only measured, since a registered version never "
        "changes.",
        "calibrate modelisation/bundled/segformer --data ../shared/camvid --split val",
        "calibrate modelisation/bundled/segformer --data ../shared/camvid --streets lund --no-streets pets",
    )
    add_measured_model(parser)
    parser.add_argument(
        "--streets",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder of other photos of streets, without labels: how many are called unlike streets is measured, too",
    )
    parser.add_argument(
        "--no-streets",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder of photos that show no street: how many are noticed is measured, too",
    )


def run(args: argparse.Namespace) -> int:
    """Run `calibrate`; returns the exit status."""

    from back.runtime.errors import UserError
    from modelisation.evaluation.temperature import measure_calibration
    from modelisation.export.bundle import store_calibration, store_familiarity
    from modelisation.export.familiarity import measure_familiarity, training_streets
    from modelisation.reports.evaluation import format_calibration, format_familiarity

    bundle, predictor, dataset = load_for(args, args.model)
    training = predictor.card.training
    if training is not None and training.split_sha256 == dataset.split_sha256:
        raise UserError(
            f"{predictor.card.name} was trained on {args.data} {args.split}, where it is surer than elsewhere; "
            "choose a split that it has not seen"
        )
    calibration = measure_calibration(predictor, dataset, progress=True)
    if calibration is None:
        raise UserError(f"{args.data}: too few labelled pixels in split {args.split} to fit anything")
    predictor = replace(predictor, card=predictor.card.model_copy(update={"calibration": calibration}))
    familiarity = measure_familiarity(
        predictor,
        dataset,
        training_streets(args.data, predictor.card),
        streets=args.streets,
        others=args.no_streets,
        progress=True,
    )
    print(format_calibration(calibration))
    print(format_familiarity(familiarity))
    if is_kept(args):
        store_calibration(bundle, calibration)
        store_familiarity(bundle, familiarity)
        print(f"written into the card of {bundle}")
    return 0
