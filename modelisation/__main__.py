"""The command line: `python -m modelisation COMMAND`; a command is a file in `commands` with arguments and `run`."""

import argparse
import importlib
import sys
import traceback

from back.runtime.errors import UserError, sentence_of
from back.runtime.process.compiled_loops import compile_missing
from back.runtime.process.console import use_utf8

# What each command does. Its file is imported when it is called: `predict` needs no torch.
COMMANDS = {
    "doctor": "look for faults in a data set before training on it",
    "convert": "write the labels of another tool as a folder that is read here",
    "scenes": "render street scenes with exact labels",
    "train": "train a recipe, export its bundle, register it",
    "search": "search hyper-parameters of a recipe at random",
    "ablate": "train variants of a recipe and tabulate what each choice is worth",
    "evaluate": "score a model on a labelled split",
    "calibrate": "fit how sure a model may be, into its card",
    "robustness": "score a model on perturbed photos, into its card",
    "budget": "score a model at several pixel budgets, into its report",
    "export": "make the bundle of a run",
    "quantise": "make the int8 form of a bundle",
    "import": "make a bundle of weights that were trained elsewhere",
    "register": "put a bundle into the MLflow registry",
    "promote": "check a model's parity and make it champion",
    "predict": "write the masks of photos, the overlays of clips",
    "compare": "compare models on a split and write the report",
}
# Those that label photos from their first seconds on, with the loops that serving has.
_LABELLING = ("evaluate", "calibrate", "robustness", "budget", "predict", "compare")
MISTAKE, INTERRUPTED = 2, 130


class _Parser(argparse.ArgumentParser):
    """Its help comes from the command's file, which is imported only when that command is called."""

    command: str | None = None

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        if self.command is not None:
            command = importlib.import_module(f"modelisation.commands.{self.command}")
            self.formatter_class = argparse.RawDescriptionHelpFormatter
            command.add_arguments(self)
            # May stand behind the command too; told in the help of the whole command line alone.
            self.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
            self.set_defaults(run=command.run)
            self.command = None
        return super().parse_known_args(args, namespace)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelisation", description="Train, measure and register street-scene segmentation models."
    )
    parser.add_argument("--debug", action="store_true", help="show the trace of a mistake, not its sentence alone")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary).command = name  # type: ignore[attr-defined]
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    What the user can mend is one sentence on stderr and exit status 2; its trace is shown with --debug alone. Any
    other exception is a bug and keeps its trace.
    """
    use_utf8()
    args = argparse.Namespace(debug=False, command="modelisation")
    try:
        args = make_parser().parse_args(arguments)
        if args.command in _LABELLING:
            compile_missing(lambda sentence: print(f"{args.command}: {sentence}", file=sys.stderr))
        return int(args.run(args))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
    except (UserError, OSError) as error:
        if args.debug:
            traceback.print_exc()
        print(f"{args.command}: {sentence_of(error)}", file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main())
