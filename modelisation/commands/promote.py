"""`promote`: run the parity gate on a model, store the report in its bundle, and make it champion if it passes."""

import argparse
import tempfile
from pathlib import Path

from modelisation.commands.arguments import add_split_arguments, at_least, describe, open_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `promote`."""
    describe(
        parser,
        "Compare every served engine with PyTorch on a labelled split, store the report with the model, and make it "
        "champion where all pass. Exit status 1 where one does not.",
        "promote segformer --data ../shared/camvid",
        "promote modelisation/bundled/segformer --data ../shared/camvid --no-register",
    )
    parser.add_argument("model", help="registered name (its candidate), models:/name@alias, or a bundle folder")
    add_split_arguments(parser)
    parser.add_argument(
        "--images", type=at_least(1), metavar="N", help="only N images, spread over the split (default: all)"
    )
    parser.add_argument("--no-register", action="store_true", help="only check, and store the report in the folder")


def run(args: argparse.Namespace) -> int:
    """Run `promote`; returns the exit status."""

    from back.runtime.card import read_card, verify_files
    from modelisation.export.bundle import store_parity
    from modelisation.export.gate import why_failed
    from modelisation.export.parity import check_parity, sample_evenly
    from modelisation.registry.register import register_champion
    from modelisation.registry.versions import candidate_of, resolve_model
    from modelisation.reports.parity import format_parity

    with tempfile.TemporaryDirectory() as scratch:
        # Downloaded for this command alone, since the report is written into it.
        uri = candidate_of(args.model)
        bundle = resolve_model(uri, cache_dir=Path(scratch))
        verify_files(bundle, read_card(bundle))
        dataset = open_for(args, read_card(bundle))
        parity = check_parity(bundle, sample_evenly(dataset, args.images), progress=True)
        print(format_parity(parity))
        store_parity(bundle, parity)
        if not parity["passed"]:
            print(f"not promoted: {why_failed(parity)}")
            return 1
        if args.no_register:
            print("passed")
        else:
            version = register_champion(bundle, uri)
            print(f"{version.name} version {version.version} is champion")
    return 0
