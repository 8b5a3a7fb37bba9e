"""`convert`: write the labels of another tool as a folder that everything here reads."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from modelisation.data.formats.table import FORMATS

if TYPE_CHECKING:
    from modelisation.data.convert import Survey

from modelisation.commands.arguments import CLASSES_HELP, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `convert`."""
    describe(
        parser,
        "Read the labels of another tool or data set and write images/, labels/ and classes.yaml. Names and colours "
        f"without a class are an error that lists them. Formats: {', '.join(one.TITLE for one in FORMATS)}.",
        "convert export --out photos",
        'convert export --out photos --classes street8 --map "Zebra crossing=road" --map unlabelled=background',
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="the unpacked export")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--classes", metavar="FILE", help=f"{CLASSES_HELP} (default: the export's own names)")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="NAME=CLASS",
        help="the class of a name in the labels, or NAME=ignore; the name `unlabelled` is of pixels without a label",
    )


def run(args: argparse.Namespace) -> int:
    """Run `convert`; returns the exit status."""

    from tqdm import tqdm

    from modelisation.data.convert import survey
    from modelisation.outputs.converted import write_converted

    found = survey(args.source, args.map, args.classes)
    for sentence in found.export.left_out:
        print(sentence)
    with tqdm(total=len(found.export.pictures), desc="writing", unit="img") as bar:
        write_converted(found, args.source, args.out, bar.update)
    print("\n".join(_told(found)))
    print(
        f"{len(found.export.pictures)} pictures are in {args.out}; look at them with: python -m modelisation doctor "
        f"{args.out}"
    )
    return 0


def _told(found: "Survey") -> list[str]:
    """What became of every name: its class and its share of the pixels."""
    names, total = found.naming.classes.taxonomy.names, max(1, sum(found.pixels.values()))
    lines = [f"{found.export.title}: {len(found.export.pictures)} pictures"]
    for name, pixels in sorted(found.pixels.items(), key=lambda one: -one[1]):
        onto = found.naming.ids[name]
        said = "no label (255)" if onto == 255 else f"{onto} {names[onto]}"
        lines.append(f"  {name or '(unlabelled)':<24} {100 * pixels / total:6.2f} %  -> {said}")
    if found.without_label:
        lines.append(
            f"{100 * found.without_label:.1f} % of the pixels carry no label and are ignored; --map unlabelled=CLASS "
            "makes them a class"
        )
    return lines
