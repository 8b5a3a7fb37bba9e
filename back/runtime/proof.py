"""Whether a bundle can be served on this machine, tried in a process of its own whose time and memory are bounded.

What a network costs is known only when it is compiled and run, and a bad one may hang, crash or take all the memory:
better there than in the service. The process leaves its compiled network in the cache, so the work is not done twice,
and a bundle that has passed is not tried again.
"""

import contextlib
import hashlib
import json
import platform
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.card import CARD_FILE, BundleError, sha256_of
from back.runtime.process.bounded import answer_one, run_bounded
from back.runtime.process.modules import leave_out_unused, quick_imports

_SCHEMA = 1
_KEPT_S = 90 * 24 * 3600  # since it was last asked for
# Photos of other shapes than the self-test's: a network must take every multiple of its card's stride.
_SHAPES = ((100, 37), (37, 100), (64, 64), (3, 200))


@dataclass(frozen=True)
class Limits:
    """What trying a bundle may take."""

    seconds: float
    memory_bytes: int


def prove(
    bundle: Path,
    options: Mapping[str, Any],
    cache_dir: Path,
    limits: Limits,
    stop: threading.Event | None = None,
) -> None:
    """Load a bundle as `Predictor.load` would, and label a few photos, unless it has passed here before.

    Args:
        bundle: its files have been verified.
        options: engine, precision and threads, see `create_engine`.
        cache_dir: where it is written down that a bundle has passed, and where compiled networks lie.
        stop: ends the trial when set.

    Raises:
        UserError: it cannot be served; needing more memory is a `TooMuchMemoryError`.
        UnfinishedError: it took too long, or the process died or was stopped.
        WorkFailedError: something else went wrong.
    """
    mark = cache_dir / "proven" / _key(bundle, options)
    with contextlib.suppress(OSError):
        if mark.read_text(encoding="ascii") == mark.name:
            mark.touch()
            return
    request = {"bundle": str(bundle), "options": dict(options), "cache_dir": str(cache_dir)}
    run_bounded(__name__, request, seconds=limits.seconds, memory_bytes=limits.memory_bytes, stop=stop)
    with contextlib.suppress(OSError):  # it will be tried again at the next start
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(mark.name, encoding="ascii")
        for old in mark.parent.iterdir():
            if time.time() - old.stat().st_mtime > _KEPT_S:
                old.unlink()


def compiled_dir(cache_dir: Path) -> Path:
    """Where compiled networks lie."""
    return cache_dir / "compiled"


def _key(bundle: Path, options: Mapping[str, Any]) -> str:
    """Stands for the bundle, whose card vouches for its files, and for what loads it."""
    parts = [_SCHEMA, sha256_of(bundle / CARD_FILE), dict(options), platform.machine()]
    parts += [_version(library) for library in ("openvino", "onnxruntime", "onnxruntime-gpu", "numpy")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _version(library: str) -> str | None:
    """None of a library that is not installed: ONNX Runtime for graphics cards stands in the other's place."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def try_bundle(bundle: Path, options: Mapping[str, Any], cache_dir: Path) -> None:
    """What the process does.

    Raises:
        BundleError: a file is wrong, the self-test fails, or a photo of another shape is not labelled.
    """
    with quick_imports():
        from back.runtime.predictor import Predictor  # with numba, after what it need not import was left out

    predictor = Predictor.load(bundle, **options, cache_dir=compiled_dir(cache_dir))
    for height, width in _SHAPES:
        try:
            predictor.predict_array(np.full((height, width, 3), 127, np.uint8))
        except MemoryError:
            raise
        except Exception as error:  # the engines' exceptions share no base class
            reason = " ".join(str(error).split())[:300]
            raise BundleError(
                f"{bundle}: fails on a photo of {width} x {height} pixels, so it must be exported anew: {reason}"
            ) from error


def _work(request: dict[str, Any]) -> dict[str, Any]:
    leave_out_unused()
    try_bundle(Path(request["bundle"]), request["options"], Path(request["cache_dir"]))
    return {}


if __name__ == "__main__":
    answer_one(_work)
