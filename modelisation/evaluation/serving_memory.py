"""How much memory a process takes that does nothing but serve one model: measured in a process of its own.

The process that evaluates also holds a data set, matplotlib, perhaps torch: its memory says nothing of serving.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY

if TYPE_CHECKING:
    from back.runtime.predictor import Predictor

RUNS = 8  # the working memory is allocated with the first; the rest is for what only repetition shows


def serving_peak_rss(bundle: Path, predictor: "Predictor", photo: bytes) -> int | None:
    """Peak resident memory, in bytes, of a fresh process that loads a bundle and labels one photo a few times.

    Args:
        bundle: the model's folder.
        predictor: tells engine, precision, threads and pixel budget that the process is to use.
        photo: bytes of a JPEG, PNG, WEBP, HEIC or AVIF file.

    Returns:
        None where the system does not tell.

    Raises:
        UserError: the process failed.
    """
    engine = predictor.engine
    options = {
        "engine": engine.name,
        "precision": engine.precision,
        "threads": engine.threads,
        "pixel_budget": predictor.pixel_budget,
    }
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "photo"
        path.write_bytes(photo)
        command = [sys.executable, "-m", "modelisation.evaluation.serving_memory", str(bundle.resolve()), str(path)]
        done = subprocess.run([*command, json.dumps(options)], cwd=REPOSITORY, capture_output=True, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"{bundle}: a process of its own could not serve it: {last}")
    peak: int | None = json.loads(done.stdout)
    return peak


def peak_rss_bytes() -> int | None:
    """Largest resident memory of this process so far, in bytes; None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    for line in status.read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def main(arguments: Sequence[str]) -> None:
    """BUNDLE PHOTO OPTIONS: serve, and print the peak in bytes as JSON."""
    # Here, so that who asks for the peak alone stays small.
    from back.runtime.imaging import MAX_FILE_PIXELS
    from back.runtime.predictor import Predictor

    bundle, photo, options = arguments
    predictor = Predictor.load(Path(bundle), **json.loads(options))
    data = Path(photo).read_bytes()
    for _ in range(RUNS):
        predictor.predict(data, MAX_FILE_PIXELS)
    print(json.dumps(peak_rss_bytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
