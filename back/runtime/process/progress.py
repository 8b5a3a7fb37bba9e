"""How far work in a process of its own is: a file that is written whole or not at all, every so often."""

import json
import time
from pathlib import Path

PROGRESS_FILE = "progress.json"
_TELL_S = 0.3
_RATE_S = 5.0  # over which images a second are counted


class ProgressFile:
    """`progress.json` in a folder: frames, decoded, of, images_per_s."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROGRESS_FILE
        self._told = 0.0
        self._counted: list[tuple[float, int]] = [(time.monotonic(), 0)]

    def tell(self, done: int, seen: int, of: int | None) -> None:
        """Write how many images are done and seen, of how many; not at every call, but at the last."""
        now = time.monotonic()
        if now - self._told < _TELL_S and seen != of:
            return
        self._told = now
        counted = self._counted
        counted.append((now, done))
        while len(counted) > 2 and now - counted[1][0] > _RATE_S:
            del counted[0]
        (then, before), (_, after) = counted[0], counted[-1]
        rate = (after - before) / max(1e-3, now - then)
        facts = {"frames": done, "decoded": seen, "of": of, "images_per_s": rate}
        replace_whole(self._path, json.dumps(facts).encode())


def replace_whole(path: Path, data: bytes) -> None:
    """Write a file that whoever reads it meanwhile sees as it was before, or whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)
