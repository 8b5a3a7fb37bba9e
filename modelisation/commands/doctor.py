"""`doctor`: look for faults in a data set before training on it."""

import argparse
from pathlib import Path

from modelisation.commands.arguments import CLASSES_HELP, at_least, describe
from modelisation.outputs.files import check_json_output, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `doctor`."""
    describe(
        parser,
        "Find what is wrong with a data folder, file by file. Exit status 1 where there are errors, 0 where there "
        "are none or only warnings.",
        "doctor ../shared/camvid --json doctor.json",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="Cityscapes, CamVid or images/labels folder")
    parser.add_argument("--classes", metavar="FILE", help=f"{CLASSES_HELP}, of a plain folder's labels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every finding here")
    parser.add_argument(
        "--show", type=at_least(0), default=10, metavar="N", help="files named per kind (default: 10)"
    )
    parser.add_argument("--workers", type=at_least(1), metavar="N", help="processes (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Run `doctor`; returns the exit status."""

    from modelisation.doctor.diagnose import DIAGNOSIS_KEYS, diagnose
    from modelisation.doctor.faults import ERROR
    from modelisation.doctor.text import format_diagnosis

    if args.json:
        check_json_output(args.json, DIAGNOSIS_KEYS)
    diagnosis = diagnose(args.data, classes=args.classes, workers=args.workers, progress=True)
    print(format_diagnosis(diagnosis, args.show))
    if args.json:
        write_json(args.json, diagnosis, DIAGNOSIS_KEYS)
        print(f"written to {args.json}")
    return int(any(fault["severity"] == ERROR for fault in diagnosis["faults"]))
