"""The command line: `python -m modelisation COMMAND`. Each command is a module with `add_arguments` and `run`."""

import argparse
import importlib
import sys

from back.runtime.card import BundleError
from back.runtime.imaging import ImageError
from back.runtime.process.console import use_utf8
from back.runtime.taxonomy import LabelValueError
from modelisation.data.base import DatasetError

# command -> (module, what it does). A module is imported when its command is called: `predict` needs no torch.
COMMANDS = {
    "doctor": ("modelisation.doctor.diagnose", "look for faults in a data set before training on it"),
    "scenes": ("modelisation.commands.scenes", "render street scenes with exact labels"),
    "train": ("modelisation.training.fit", "train a recipe, export its bundle, register it"),
    "search": ("modelisation.tuning.search", "search hyper-parameters of a recipe at random"),
    "ablate": ("modelisation.tuning.ablate", "train variants of a recipe and tabulate what each choice is worth"),
    "evaluate": ("modelisation.evaluation.evaluate", "score a model on a labelled split"),
    "robustness": ("modelisation.evaluation.robustness", "score a model on perturbed photos, into its card"),
    "budget": ("modelisation.evaluation.budget", "score a model at several pixel budgets, into its report"),
    "export": ("modelisation.export.from_run", "make the bundle of a run"),
    "register": ("modelisation.commands.register", "put a bundle into the MLflow registry"),
    "promote": ("modelisation.commands.promote", "check a model's parity and make it champion"),
    "predict": ("modelisation.commands.predict", "write the masks of photos"),
    "compare": ("modelisation.evaluation.compare", "compare models on a split and write the report"),
}


class _Parser(argparse.ArgumentParser):
    """Its help comes from the command's module, which is imported only when that command is called."""

    module: str | None = None

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        if self.module is not None:
            command = importlib.import_module(self.module)
            self.formatter_class = argparse.RawDescriptionHelpFormatter
            command.add_arguments(self)
            self.set_defaults(run=command.run)
            self.module = None
        return super().parse_known_args(args, namespace)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelisation", description="Train, measure and register street-scene segmentation models."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (module, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary).module = module  # type: ignore[attr-defined]
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command. What the user can mend is one sentence on stderr and exit status 1, never a stack trace."""
    use_utf8()
    try:
        args = make_parser().parse_args(arguments)
        return int(args.run(args))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except (BundleError, DatasetError, ImageError, LabelValueError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, (ValueError, RuntimeError)) and type(error) in (ValueError, RuntimeError):
            raise  # not one of ours: a bug, whose trace is wanted
        print(f"{args.command if 'args' in locals() else 'modelisation'}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
