"""`calibrate`: fit the temperature that makes a model's confidence mean what it says, into its card."""

import argparse

from modelisation.commands.arguments import add_measured_model, describe, is_kept, load_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `calibrate`."""
    describe(
        parser,
        "Fit the temperature of a model's confidence on labelled photos that it was not trained on, and write it "
        "into its card. Exporting a run does the same on its validation split. A model of the registry is only "
        "measured, since a registered version never changes.",
        "calibrate modelisation/bundled/segformer --data ../shared/camvid --split val",
    )
    add_measured_model(parser)


def run(args: argparse.Namespace) -> int:
    """Run `calibrate`; returns the exit status."""

    from back.runtime.errors import UserError
    from modelisation.evaluation.temperature import measure_calibration
    from modelisation.export.bundle import store_calibration
    from modelisation.reports.evaluation import format_calibration

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
    print(format_calibration(calibration))
    if is_kept(args):
        store_calibration(bundle, calibration)
        print(f"written into the card of {bundle}")
    return 0
