"""`register`: put a bundle into the MLflow registry."""

import argparse
from pathlib import Path

from modelisation.registry.mlflow_store import default_tracking_uri
from modelisation.registry.versions import register_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation register modelisation/bundled/segformer --alias candidate"
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument("--alias", default="candidate", help="alias to point at it (default: candidate)")
    parser.add_argument("--tracking-uri", help="MLflow server or store (default: MLFLOW_TRACKING_URI, else store/)")


def run(args: argparse.Namespace) -> int:
    uri = args.tracking_uri or default_tracking_uri()
    version = register_bundle(args.bundle, tracking_uri=uri, alias=args.alias)
    print(f"Registered {version.name} version {version.version} as {args.alias} at {uri}")
    return 0
