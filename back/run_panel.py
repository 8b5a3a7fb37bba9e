"""The pictures that a training run logged of its validation split, read from MLflow's artifacts."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.mlflow_names import PANEL_FOLDER, PANEL_PHOTOS, PANEL_TRUTH, epoch_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MOST_BYTES = 8 << 20
_BEGINNINGS = {"jpg": b"\xff\xd8", "png": b"\x89PNG"}
PICTURE: dict[str, Any] = {
    "description": "the picture",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")},
}


def panel_sizes(client: "MlflowClient", run_id: str) -> dict[str, int]:
    """Bytes of each picture that a run has, by name; empty where it logged none."""
    files = client.list_artifacts(run_id, PANEL_FOLDER)
    sizes = {file.path.rsplit("/", 1)[-1]: file.file_size or 0 for file in files if not file.is_dir}
    return {name: size for name, size in sizes.items() if _is_picture(name) and 0 < size <= _MOST_BYTES}


def panel_picture(client: "MlflowClient", run_id: str, file: str) -> bytes | None:
    """The bytes of a picture; None where the run has none of this name, or one that is no picture."""
    if not _is_picture(file) or file not in panel_sizes(client, run_id):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(client.download_artifacts(run_id, f"{PANEL_FOLDER}/{file}", scratch))
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            return None
        data = path.read_bytes()
    return data if data.startswith(_BEGINNINGS[file.rsplit(".", 1)[1]]) else None


def _is_picture(name: str) -> bool:
    return name in (PANEL_PHOTOS, PANEL_TRUTH) or epoch_of(name) is not None
