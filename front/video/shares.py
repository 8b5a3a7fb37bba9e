"""Class shares over time, read from the API's CSV: for the chart, and to find where two models differ most."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MOST_POINTS = 600  # of a chart; more than a wide screen tells apart
MOMENTS = 5
_APART_SHARE = 0.05  # of the clip's length that lies between two moments, so that they are not one


@dataclass(frozen=True)
class Shares:
    """What a model saw of a clip.

    Attributes:
        frames: numbers of the frames in the clip, int [frames], rising.
        seconds: when each is shown, float [frames].
        names: of the classes.
        values: share of the picture, 0..1, float [frames, classes].
    """

    frames: npt.NDArray[np.int64]
    seconds: FloatArray
    names: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True)
class Moment:
    """A frame on which two models differ: at least `share` (0..1) of its pixels have two classes."""

    seconds: float
    share: float


def read_shares(table: bytes) -> Shares:
    """The API's `shares.csv`.

    Raises:
        ValueError: it is no such table, or it has no row.
    """
    head, *rows = list(csv.reader(io.StringIO(table.decode("utf-8"))))
    if head[:2] != ["frame", "seconds"] or not rows:
        raise ValueError("it lacks the columns frame and seconds, or has no row")
    numbers = np.array(rows, dtype=np.float64)
    if numbers.shape[1] != len(head) or not np.isfinite(numbers).all():
        raise ValueError("a row has too few numbers")
    return Shares(numbers[:, 0].astype(np.int64), numbers[:, 1], tuple(head[2:]), numbers[:, 2:])


def thin_out(shares: Shares, most: int = MOST_POINTS) -> tuple[FloatArray, FloatArray]:
    """Seconds [points] and mean shares [points, classes] of at most so many stretches of frames."""
    count = len(shares.seconds)
    if count <= most:
        return shares.seconds, shares.values
    starts = np.arange(most) * count // most
    sizes = np.diff([*starts, count])
    return shares.seconds[starts], np.add.reduceat(shares.values, starts) / sizes[:, None]


def difference_over_time(a: Shares, b: Shares) -> tuple[FloatArray, FloatArray]:
    """Seconds and the least part of the picture that must differ, of frames that both have; empty without any.

    Half the sum of what the shares of all classes differ by: so many pixels at least went from one class to another.
    Classes are matched by name; one that only one model has counts with its whole share.
    """
    _, of_a, of_b = np.intersect1d(a.frames, b.frames, return_indices=True)
    names = list(dict.fromkeys((*a.names, *b.names)))
    parts = [_columns(shares, names)[rows] for shares, rows in ((a, of_a), (b, of_b))]
    return a.seconds[of_a], np.abs(parts[0] - parts[1]).sum(1) / 2


def moments(seconds: FloatArray, shares: FloatArray, most: int = MOMENTS) -> list[Moment]:
    """The frames with the largest difference, the largest first, none near another and none without any."""
    if not len(seconds):
        return []
    apart = _APART_SHARE * float(seconds[-1] - seconds[0])
    found: list[Moment] = []
    for index in np.argsort(-shares, kind="stable"):
        at, share = float(seconds[index]), float(shares[index])
        if len(found) == most or share < 0.0005:  # it would be told as 0.0 %
            break
        if all(abs(at - other.seconds) > apart for other in found):
            found.append(Moment(at, share))
    return found


def _columns(shares: Shares, names: Sequence[str]) -> FloatArray:
    values = np.zeros((len(shares.seconds), len(names)))
    for column, name in enumerate(shares.names):
        values[:, names.index(name)] = shares.values[:, column]
    return values
