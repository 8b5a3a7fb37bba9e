"""How much of each frame every class covers, as a table."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from back.runtime.class_counts import count_labels
from back.runtime.taxonomy import Taxonomy
from back.runtime.video.clip import Frame


class SharesTable:
    """A CSV file: the frame's number in the clip, its time in seconds, and a share of 1 a class."""

    def __init__(self, path: Path, taxonomy: Taxonomy) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._ids = [one.id for one in taxonomy.classes]
        self._rows.writerow(["frame", "seconds", *taxonomy.names])

    def add(self, frame: Frame, labels_HW: npt.NDArray[np.uint8]) -> None:
        shares = count_labels(labels_HW)[self._ids] / labels_HW.size
        self._rows.writerow([frame.index, f"{frame.seconds:.3f}", *(f"{share:.6f}" for share in shares)])

    def close(self) -> None:
        self._file.close()
