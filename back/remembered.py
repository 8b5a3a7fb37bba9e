"""What MLflow last said and what was loaded of it, on disk beside the cached bundles: with it the API starts while
MLflow is away.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from back.catalogue import Catalogue, ModelVersion, RegisteredModel

FILE = "registry.json"
_SCHEMA = 1


@dataclass(frozen=True)
class Remembered:
    """The catalogue as MLflow last gave it.

    Attributes:
        asked_at: when, in seconds since 1970.
        folders: cached bundle of each version that served then.
    """

    asked_at: float
    catalogue: Catalogue
    folders: Mapping[ModelVersion, Path]


def remember(cache_dir: Path, tracking_uri: str, catalogue: Catalogue, folders: Mapping[ModelVersion, Path]) -> None:
    """Write it down, whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    record = {
        "schema": _SCHEMA,
        "store": _store_id(tracking_uri),
        "asked_at": time.time(),
        "models": [
            {
                "name": model.name,
                "aliases": dict(model.aliases),
                "versions": [asdict(version) for version in model.versions.values()],
            }
            for model in catalogue.values()
        ],
        "served": [{"version": asdict(version), "folder": folder.name} for version, folder in folders.items()],
    }
    with tempfile.NamedTemporaryFile("w", dir=cache_dir, prefix=f".{FILE}-", delete=False, encoding="utf-8") as file:
        new = Path(file.name)
        try:
            json.dump(record, file)
            file.flush()
            new.replace(cache_dir / FILE)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def recall(cache_dir: Path, tracking_uri: str) -> Remembered | None:
    """What was written down for this store; None where that is nothing that could serve, or cannot be read."""
    try:
        record = json.loads((cache_dir / FILE).read_bytes())
        if record["schema"] != _SCHEMA or record["store"] != _store_id(tracking_uri):
            return None
        catalogue = {
            model["name"]: RegisteredModel(
                model["name"],
                model["aliases"],
                {version["version"]: ModelVersion(**version) for version in model["versions"]},
            )
            for model in record["models"]
        }
        # The name of a folder only: a damaged file must not lead out of the cache.
        folders = {
            ModelVersion(**entry["version"]): cache_dir / "bundles" / Path(entry["folder"]).name
            for entry in record["served"]
        }
        return Remembered(float(record["asked_at"]), catalogue, folders) if folders else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _store_id(tracking_uri: str) -> str:
    """Tells stores apart without writing an address, which may hold a password, to the disk."""
    return hashlib.sha256(tracking_uri.encode()).hexdigest()
