"""Put the models that ship with the project into a registry: `python -m modelisation.registry.bundled [DIR]`.

`make demo` and docker-compose.yml do this on every start; what is registered already stays as it is. Needs no torch.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from back.runtime.card import CARD_FILE, BundleError
from back.runtime.errors import UserError, sentence_of
from modelisation.provenance import REPOSITORY
from modelisation.registry.mlflow_store import DEFAULT_TRACKING_URI
from modelisation.registry.versions import register_bundle

FOLDER = REPOSITORY / "modelisation" / "bundled"


def find_bundles(folder: Path) -> list[Path]:
    """The bundle folders in `folder`, sorted by name.

    Raises:
        BundleError: there is none.
    """
    bundles = sorted(card.parent for card in folder.glob(f"*/{CARD_FILE}"))
    if not bundles:
        raise BundleError(
            f"{folder} holds no bundle (a folder with {CARD_FILE}); check out the whole repository again"
        )
    return bundles


def register_bundles(bundles: Sequence[Path], tracking_uri: str) -> dict[str, str]:
    """Register each bundle as champion, with one printed line each; returns the version of each name.

    Raises:
        BundleError: a bundle does not match its card.
        UserError: MLflow does not answer or refuses.
    """
    versions = {}
    for bundle in bundles:
        registered = register_bundle(bundle, tracking_uri=tracking_uri, alias="champion")
        versions[registered.name] = registered.version
        was = "" if registered.created else ", as before"
        print(f"  {registered.name} version {registered.version} is registered{was}", flush=True)
    return versions


def main(arguments: Sequence[str] | None = None) -> int:
    """Register the bundles of a folder in MLflow at MLFLOW_TRACKING_URI; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m modelisation.registry.bundled",
        description="Register the bundled models as champions in MLflow.",
        epilog="example: MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python -m modelisation.registry.bundled",
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=FOLDER, help="folder of bundles, default: the shipped"
    )
    folder = parser.parse_args(arguments).folder
    try:
        register_bundles(find_bundles(folder), os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_TRACKING_URI)
    except (UserError, OSError) as error:
        print(sentence_of(error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
