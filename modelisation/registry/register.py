"""Registering what a run or the parity gate has brought forth."""

import json
from pathlib import Path

from back.runtime.card import HISTORY_FILE
from modelisation.registry.mlflow_store import default_tracking_uri
from modelisation.registry.versions import CHAMPION, RegisteredVersion, register_bundle, run_of


def register_run(bundle: Path) -> None:
    """Register a run's bundle as `candidate` in the store that the run was logged to."""
    history = json.loads((bundle / HISTORY_FILE).read_text(encoding="utf-8"))
    version = register_bundle(
        bundle, tracking_uri=default_tracking_uri(), alias="candidate", run_id=history["run_id"]
    )
    print(f"Registered {version.name} version {version.version} as candidate")


def register_champion(bundle: Path, uri: str) -> RegisteredVersion:
    """Register a bundle that has passed the parity gate beside the version that `uri` names, in the same run.

    Args:
        bundle: folder of the bundle, its parity report included.
        uri: `models:/name@alias` or `models:/name/3` that it came from, or the path of a bundle folder.

    Raises:
        BundleError: the parity gate is not passed.
        UserError: MLflow does not answer or refuses.
    """
    store = default_tracking_uri()
    run_id = run_of(uri, tracking_uri=store)
    return register_bundle(bundle, tracking_uri=store, alias=CHAMPION, run_id=run_id)
