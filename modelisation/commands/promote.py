"""`promote`: run the parity gate on a model, store the report in its bundle, and make it champion if it passes."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from back.runtime.card import read_card, verify_files
from modelisation.commands.arguments import add_split_arguments, describe
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.export.bundle import store_result
from modelisation.export.gate import parity_failure
from modelisation.export.parity import check_parity, format_parity
from modelisation.registry.bundles import CHAMPION, default_tracking_uri, register_bundle, resolve_model, run_of


def store_parity(bundle: Path, parity: dict[str, Any]) -> None:
    """Write a parity report into a bundle's `report.json` and bring the card's sha256 of it up to date."""
    store_result(bundle, "parity", parity)


def sample_evenly(dataset: SegmentationDataset, images: int | None) -> SegmentationDataset:
    """`images` of the split at even distances, under a name that says so; None keeps all."""
    total = len(dataset)
    if images is None or images >= total:
        return dataset
    chosen = sorted({i * total // max(1, images) for i in range(max(1, images))})
    return dataset.subset([dataset.items[i] for i in chosen], f"{dataset.split} ({len(chosen)} of {total})")


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
    parser.add_argument("--images", type=int, metavar="N", help="only N images, spread over the split (default: all)")
    parser.add_argument("--no-register", action="store_true", help="only check, and store the report in the folder")


def run(args: argparse.Namespace) -> int:
    """Run `promote`; returns the exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        # Downloaded for this command alone, since the report is written into it.
        uri = _uri(args.model)
        bundle = resolve_model(uri, cache_dir=Path(scratch))
        verify_files(bundle, read_card(bundle))
        dataset = open_dataset(args.data, args.split, read_card(bundle).taxonomy.id)
        parity = check_parity(bundle, sample_evenly(dataset, args.images), progress=True)
        print(format_parity(parity))
        store_parity(bundle, parity)
        return _promote(bundle, None if args.no_register else uri)


def _uri(model: str) -> str:
    """A bare registered name means its candidate."""
    if model.startswith("models:") or Path(model).exists():
        return model
    return f"models:/{model}@candidate"


def _promote(bundle: Path, uri: str | None) -> int:
    """Register as champion what has passed, beside the version that `uri` names, in the same run; None: only say."""
    if parity_failure(bundle) is not None:
        print("not promoted: an engine does not give what PyTorch gives")
        return 1
    if uri is None:
        print("passed")
        return 0
    store = default_tracking_uri()
    run_id = run_of(uri, tracking_uri=store)
    version = register_bundle(bundle, tracking_uri=store, alias=CHAMPION, run_id=run_id)
    print(f"{version.name} version {version.version} is champion")
    return 0
