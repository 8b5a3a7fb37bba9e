"""`import`: make a bundle of weights that were trained elsewhere, and register it."""  # noqa: N999 - named after the command

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from back.runtime.card import Card
from back.runtime.errors import UserError
from modelisation.commands.arguments import CLASSES_HELP, at_least, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `import`."""
    describe(
        parser,
        "Make a bundle of weights that were trained elsewhere, check that it says what the library says that they "
        "came from, and register it as candidate. docs/catalogue.md lists models that are known to work.",
        "import hf nvidia/segformer-b0-finetuned-cityscapes-1024-1024 --name segformer-nvidia --classes street8",
        "import hf path/to/folder --name mine --map awning=building --no-register --out bundles/mine",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND", parser_class=argparse.ArgumentParser)

    hf = kinds.add_parser("hf", help="transformers, from the hub or a folder", description="From transformers.")
    hf.add_argument("source", metavar="ID_OR_DIR", help="id on the Hugging Face hub, or folder of `save_pretrained`")
    hf.add_argument("--revision", help="branch, tag or commit on the hub")
    _add_weights(hf)
    hf.set_defaults(make=_import_hf)

    smp = kinds.add_parser("smp", help="segmentation-models-pytorch", description="From segmentation-models-pytorch.")
    smp.add_argument("source", metavar="DIR_OR_ID", help="folder of `save_pretrained`, or id on the Hugging Face hub")
    smp.add_argument("--revision", help="branch, tag or commit on the hub")
    _add_normalisation(smp)
    _add_weights(smp)
    smp.set_defaults(make=_import_smp)

    torchvision = kinds.add_parser("torchvision", help="torchvision, with a file of weights", description="By name.")
    torchvision.add_argument("net", metavar="NAME", help="for example deeplabv3_resnet50")
    torchvision.add_argument("--weights", type=Path, required=True, metavar="FILE", help="its weights, on disk")
    _add_normalisation(torchvision)
    _add_weights(torchvision)
    torchvision.set_defaults(make=_import_torchvision)

    onnx = kinds.add_parser("onnx", help="any ONNX file", description="From a graph; docs/catalogue.md says more.")
    onnx.add_argument("file", type=Path, metavar="FILE", help="ONNX file")
    onnx.add_argument("--card", type=Path, required=True, metavar="YAML", help="what the graph takes and gives")
    _add_common(onnx)
    onnx.set_defaults(make=_import_onnx, labels=None, mean=None, std=None)


def _add_weights(parser: argparse.ArgumentParser) -> None:
    """What only files of weights need."""
    parser.add_argument(
        "--labels", metavar="FILE", help=f"{CLASSES_HELP} whose order the model's channels have, where it names none"
    )
    parser.add_argument("--allow-pickle", action="store_true", help="load weights that are no safetensors")
    _add_common(parser)
    parser.set_defaults(mean=None, std=None)


def _add_normalisation(parser: argparse.ArgumentParser) -> None:
    for name in ("mean", "std"):
        parser.add_argument(
            f"--{name}",
            type=float,
            nargs=3,
            metavar=("R", "G", "B"),
            help="of the colours on 0..1 (default: ImageNet's)",
        )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="name of the registered model")
    parser.add_argument(
        "--classes", metavar="FILE", help=f"{CLASSES_HELP} to predict (default: the model's own labels)"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="LABEL=CLASS",
        help="the class of a label of the model, or LABEL=ignore for one that is never predicted",
    )
    parser.add_argument("--pixel-budget", type=at_least(32 * 32), metavar="PIXELS", help="instead of the source's")
    parser.add_argument("--size", type=_size, metavar="WxH", help="fix the input to this size")
    parser.add_argument("--licence", metavar="TEXT", help="terms of the weights (default: as the source says)")
    parser.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="photos to compare with the library on, beside rendered scenes (default: ../shared/camvid/val if there)",
    )
    parser.add_argument("--data", metavar="DIR", help="labelled photos whose scores the card shall report")
    parser.add_argument("--split", default="val", help="split of the data (default: val)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the bundle in this folder, too")
    parser.add_argument("--no-register", action="store_true", help="do not add the bundle to the MLflow registry")


def run(args: argparse.Namespace) -> int:
    """Run `import`; returns the exit status."""

    from back.runtime.card import read_card
    from modelisation.data.formats.naming import parse_maps
    from modelisation.export.bundle import check_name
    from modelisation.export.importing.wishes import Wishes
    from modelisation.registry.mlflow_store import default_tracking_uri
    from modelisation.registry.versions import register_bundle

    if args.no_register and args.out is None:
        raise UserError("--no-register keeps nothing without --out DIR")
    check_name(args.name)
    if args.out is not None and args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise UserError(f"--out {args.out}: is there already; choose a new or an empty folder")
    wishes = Wishes(
        name=args.name,
        classes=args.classes,
        maps=parse_maps(args.map),
        labels=args.labels,
        licence=args.licence,
        mean=args.mean and tuple(args.mean),
        std=args.std and tuple(args.std),
        pixel_budget=args.pixel_budget,
        size=args.size,
    )
    with tempfile.TemporaryDirectory() as scratch:  # until all is well, nothing lies where it would stay
        bundle = Path(scratch) / args.name
        bundle.mkdir()
        report = args.make(args, wishes, bundle)
        card = read_card(bundle)
        print("\n".join(_told(card, report)))
        if args.data:
            _evaluate(args, bundle)
        if not args.no_register:
            uri = default_tracking_uri()
            version = register_bundle(bundle, tracking_uri=uri)
            print(f"Registered {version.name} version {version.version} as candidate at {uri}")
        if args.out is not None:
            shutil.copytree(bundle, args.out, dirs_exist_ok=True)
            print(f"The bundle is in {args.out}")
    return 0


def _import_hf(args: argparse.Namespace, wishes: Any, bundle: Path) -> dict[str, Any]:
    from modelisation.export.importing.source import find_source

    source = find_source(args.source, allow_pickle=args.allow_pickle, revision=args.revision)
    from modelisation.export.importing.huggingface import read_huggingface
    from modelisation.export.importing.write import write_imported

    return write_imported(read_huggingface(source, wishes), bundle, args.photos)


def _import_smp(args: argparse.Namespace, wishes: Any, bundle: Path) -> dict[str, Any]:
    from modelisation.export.importing.source import find_source

    source = find_source(args.source, allow_pickle=args.allow_pickle, revision=args.revision)
    from modelisation.export.importing.logits import read_smp
    from modelisation.export.importing.write import write_imported

    return write_imported(read_smp(source, wishes), bundle, args.photos)


def _import_torchvision(args: argparse.Namespace, wishes: Any, bundle: Path) -> dict[str, Any]:
    from modelisation.export.importing.logits import read_torchvision
    from modelisation.export.importing.write import write_imported

    foreign = read_torchvision(args.net, args.weights, wishes, args.allow_pickle)
    return write_imported(foreign, bundle, args.photos)


def _import_onnx(args: argparse.Namespace, wishes: Any, bundle: Path) -> dict[str, Any]:
    from modelisation.export.importing.adapter import read_adapter
    from modelisation.export.importing.onnx_file import read_onnx
    from modelisation.export.importing.write import write_imported

    return write_imported(read_onnx(args.file, read_adapter(args.card), wishes, bundle), bundle, args.photos)


def _evaluate(args: argparse.Namespace, bundle: Path) -> None:
    from back.runtime.card import read_card
    from back.runtime.predictor import Predictor
    from modelisation.data.open import open_dataset
    from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
    from modelisation.evaluation.temperature import measure_calibration
    from modelisation.export.bundle import store_calibration, store_familiarity, store_result
    from modelisation.export.familiarity import measure_familiarity
    from modelisation.export.from_run import metrics_of

    dataset = open_dataset(args.data, args.split, read_card(bundle).taxonomy)
    store_calibration(bundle, measure_calibration(Predictor.load(bundle), dataset, progress=True))
    store_familiarity(bundle, measure_familiarity(Predictor.load(bundle), dataset, progress=True))
    evaluation = evaluate(bundle, dataset, EvaluationOptions(calibration=True, progress=True, latency_runs=0))
    store_result(bundle, "evaluation", evaluation, metrics=metrics_of(evaluation))
    print(f"mIoU on {dataset.dataset} {dataset.split}: {evaluation['miou']:.2%}")


def _told(card: "Card", report: dict[str, Any]) -> list[str]:
    """What became of every label, and how far the bundle agrees with its library."""
    origin = card.origin
    if origin is None:
        return []
    lines = [f"{origin.source}, {origin.library}, licence: {origin.licence}"]
    lines += [f"  {label:<28} -> {onto}" for label, onto in origin.labels.items() if label != onto]
    for engine in report["engines"]:
        shares = ", ".join(f"{share:.3%} of the pixels of {group}" for group, share in engine["agreement"].items())
        lines.append(f"{engine['engine']} gives the labels of {report['library']} on {shares}")
    if card.input.fixed_size is not None:
        height, width = card.input.fixed_size
        lines.append(f"Its input is fixed to {width}x{height} pixels.")
    return lines


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        found = int(height), int(width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wanted WIDTHxHEIGHT in pixels, not {text!r}") from None
    if min(found) < 32:
        raise argparse.ArgumentTypeError(f"wanted at least 32 pixels a side, not {text!r}")
    return found
