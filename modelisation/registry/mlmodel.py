"""The `MLmodel` file of a bundle, so that MLflow's UI shows its signature and MLflow's loaders can open it.

Written by us because `mlflow.onnx.log_model` moves extra files, splits the weights off as external data and stores
input examples as JSON. Our own server does not read it. Format: MLflow's documentation, "MLflow Model" and "Model
Signatures".
"""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from back.runtime.card import MLMODEL_FILE, ONNX_FILE, Card

LOADER = "back.runtime.pyfunc"  # a name, not code: it runs only where the project is importable


def mlmodel_of(
    card: Card, *, run_id: str, onnx_bytes: int, model_id: str | None = None, created: datetime | None = None
) -> dict[str, Any]:
    """The content of MLmodel: flavours onnx and python_function, and the signature.

    The signature is one float32 tensor in, `image` [N, 3, H, W], and one out, `scores` [N, classes, h, w]; N, H and W
    are -1 (any) unless the card fixes the size. python_function takes photos too, see `back.runtime.pyfunc`.

    Args:
        onnx_bytes: size of model.onnx, which the UI shows.
        model_id: MLflow's logged model that this becomes.
        created: when it was written, in UTC; default now.
    """
    height, width = card.input.fixed_size or (-1, -1)
    stride = card.input.score_stride
    rows, columns = (-1, -1) if card.input.fixed_size is None else (height // stride, width // stride)
    classes = len(card.taxonomy.classes)
    return {
        "artifact_path": "model",
        "flavors": {
            "onnx": {"data": ONNX_FILE, "providers": ["CPUExecutionProvider"]},
            "python_function": {"loader_module": LOADER, "python_version": platform.python_version()},
        },
        # MLflow then leaves it to the loader to look at what it is given: a signature cannot say "a path, bytes or
        # pixels", and MLflow would refuse what it does not say.
        "is_signature_from_type_hint": True,
        "type_hint_from_example": False,
        "model_id": model_id,
        "model_size_bytes": onnx_bytes,
        "run_id": run_id,
        "signature": {
            "inputs": _tensor("image", (-1, 3, height, width)),
            "outputs": _tensor("scores", (-1, classes, rows, columns)),
        },
        "utc_time_created": (created or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }


def write_mlmodel(bundle: Path, card: Card, folder: Path, *, run_id: str, model_id: str | None = None) -> Path:
    """Write MLmodel for `bundle` into `folder` and return its path."""
    size = (bundle / ONNX_FILE).stat().st_size
    content = mlmodel_of(card, run_id=run_id, onnx_bytes=size, model_id=model_id)
    path = folder / MLMODEL_FILE
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")  # JSON is YAML too, so no YAML library is needed
    return path


def _tensor(name: str, shape: tuple[int, ...]) -> str:
    return json.dumps([{"type": "tensor", "name": name, "tensor-spec": {"dtype": "float32", "shape": list(shape)}}])
