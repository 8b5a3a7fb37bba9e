"""The final evaluation of a run whose bundle is not registered: logged all the same."""

import json
from pathlib import Path

from back.runtime.card import HISTORY_FILE, read_card
from modelisation.registry.mlflow_store import default_tracking_uri, tracking_client
from modelisation.registry.story import tell_run


def tell_unregistered(bundle: Path) -> None:
    """Log a bundle's final scores to the run that trained it.

    Raises:
        mlflow.exceptions.MlflowException: the store does not answer or refuses.
    """
    run_id = json.loads((bundle / HISTORY_FILE).read_bytes())["run_id"]
    tell_run(tracking_client(default_tracking_uri()), run_id, bundle, read_card(bundle))
