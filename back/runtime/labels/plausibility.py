"""Do a label file's values mean what its source says? Judged by where in the picture they lie.

Many wrong files hold values that are all in the table: trainIds 0..18 are valid labelIds, street8's ids are valid
CamVid ids. But road lies below and sky above. So each way in which a file may have come to be is a hypothesis: it
says what a stored value means, and a table of where street8's classes lie in street pictures says how plausible that
meaning is at that height. A hypothesis that explains the file clearly better than the declared source is reported.
That the label was turned is one of the hypotheses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from back.runtime.labels.source import OwnValues, Source
from back.runtime.taxonomy import IGNORE, REMAPS, STREET8

BANDS = 8
# Share of each class in eight horizontal bands, top to bottom, in per cent: rounded from forward-facing street video.
# Columns: road, sidewalk, building, vehicle, pedestrian, vegetation, sky, background, ignored.
_WHERE = np.array(
    [
        [0, 0, 26, 0, 0, 12, 54, 2, 6],
        [0, 0, 35, 1, 0, 16, 40, 3, 5],
        [0, 0, 44, 2, 1, 22, 22, 4, 5],
        [1, 1, 46, 8, 3, 20, 6, 9, 6],
        [20, 9, 20, 22, 5, 6, 1, 9, 8],
        [54, 15, 5, 13, 3, 2, 0, 3, 5],
        [80, 10, 1, 4, 1, 0, 0, 0, 4],
        [76, 6, 0, 2, 0, 0, 0, 0, 16],
    ]
)
# Pictures differ: a tenth of the weight is spread evenly, so that no class is impossible anywhere.
PLAUSIBILITY = 0.9 * _WHERE / _WHERE.sum(1, keepdims=True) + 0.1 / 9
_IMPOSSIBLE = 1e-3
# Another reading must beat the declared one by this many nats a pixel, and be plausible in itself.
MARGIN = 0.7
PLAUSIBLE = -2.2
# And explain the labelled pixels alone, if not better, by no more than this worse: of labels that were remapped twice
# up to 1.4 were seen, of right ones of which most is ignored 3.4 and more.
CONTRADICTED = 2.5
TURNED = "turned_label"
NO_LABEL = 255  # what tools write where nothing is labelled, whatever the source
# Remaps (source, target) that someone may apply to values which are in the target already. Those to trainIds are
# looked for in Cityscapes' own ids alone: they leave few classes, so that little speaks against them.
_REMAPS_TWICE = (
    ("cityscapes_label_ids", "street8"),
    ("camvid11", "street8"),
    ("cityscapes19", "street8"),
    ("cityscapes_label_ids", "cityscapes19"),
)
# Sources whose ids may have been shifted to make room for a 0; Cityscapes' labelIds have one.
_MAY_BEGIN_AT_ONE = ("street8", "cityscapes19", "camvid11")


@dataclass(frozen=True)
class Reading:
    """One way to understand stored values: log plausibility of each value in each band, float64 [8, 256]."""

    kind: str
    name: str
    log_plausibility: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """What explains a label clearly better than its declared source: a kind of fault, and a reading's name.

    For the kind `turned_label` the name says where the sky is: `below`, `on the left`, `on the right`.
    """

    kind: str
    name: str


def bands_of(label: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels of each value in each of eight horizontal bands, int64 [8, 256]; label uint8 [H, W]."""
    height = label.shape[0]
    band = (np.arange(height) * BANDS // height).astype(np.uint16) << 8
    code = label.astype(np.uint16)
    code += band[:, None]
    return np.bincount(code.ravel(), minlength=BANDS * 256).reshape(BANDS, 256)


def log_likelihood(bands: npt.NDArray[np.int64], reading: Reading) -> float:
    """Mean log plausibility of a pixel; `bands` int64 [8, 256]."""
    return float((bands * reading.log_plausibility).sum() / bands.sum())


def explain(
    bands: npt.NDArray[np.int64], source: Source, columns: npt.NDArray[np.int64] | None = None
) -> Explanation | None:
    """What explains a label clearly better than its declared source; None where that explains it well enough.

    Args:
        bands: pixels of each value in each horizontal band, as `bands_of` counts them.
        source: whose values the label ought to hold; where one's own classes lie in a picture nobody knows.
        columns: the same of the transposed label, where its size lets it be turned by a quarter.
    """
    labelled = bands.copy()
    labelled[:, NO_LABEL] = 0
    if isinstance(source, OwnValues) or "street8" not in REMAPS[source] or not labelled.any():
        return None
    declared, others = readings(source)
    turned = [("below", bands[::-1])]
    if columns is not None:
        turned += [("on the left", columns), ("on the right", columns[::-1])]
    # Where little is labelled, a reading in which the rest may be anything must not win by the rest alone.
    told = log_likelihood(labelled, declared)
    scores = [
        (log_likelihood(bands, other), Explanation(other.kind, other.name))
        for other in others
        if log_likelihood(labelled, other) > told - CONTRADICTED
    ]
    scores += [(log_likelihood(seen, declared), Explanation(TURNED, sky)) for sky, seen in turned]
    score, best = max(scores, key=lambda scored: scored[0])
    return best if score > PLAUSIBLE and score > log_likelihood(bands, declared) + MARGIN else None


@cache
def readings(source: str) -> tuple[Reading, tuple[Reading, ...]]:
    """The declared reading of a source's values, and every other reading that the doctor knows."""
    declared = Reading("declared", source, _log_plausibility(_meanings(REMAPS[source]["street8"])))
    return declared, tuple(_other_readings(source))


def _other_readings(source: str) -> Iterator[Reading]:
    for other in ("cityscapes_label_ids", "cityscapes19", "camvid11", "street8"):
        if other == source:
            continue
        kind = "other_encoding"
        if other == "street8":
            kind = "remapped_already"
        elif (source, other) == ("cityscapes_label_ids", "cityscapes19"):
            kind = "train_ids"
        yield Reading(kind, other, _log_plausibility(_meanings(REMAPS[other]["street8"])))
    # A remap applied to values that are in its target already: what is stored is table[id], what is meant is id.
    for table, target in _REMAPS_TWICE:
        if target == "cityscapes19" and source not in ("cityscapes_label_ids", "cityscapes19"):
            continue
        meanings = _meanings_if_remapped_twice(REMAPS[table][target], REMAPS[target]["street8"])
        yield Reading("remapped_twice", f"{table} to {target}", _log_plausibility(meanings))
    if source in _MAY_BEGIN_AT_ONE:
        yield Reading("ids_from_one", f"{source} plus 1", _log_plausibility(_shifted(REMAPS[source]["street8"])))


def _shifted(table: Mapping[int, int]) -> dict[int, set[int]]:
    """Every class one id higher, and 0 for what is no class of its own."""
    shifted = {value + 1: {target} for value, target in table.items() if target != IGNORE}
    return shifted | {0: {STREET8.names.index("background"), IGNORE}, 255: {IGNORE}}


def _meanings(table: Mapping[int, int]) -> dict[int, set[int]]:
    return {value: {target} for value, target in table.items()}


def _meanings_if_remapped_twice(table: Mapping[int, int], to_street8: Mapping[int, int]) -> dict[int, set[int]]:
    meanings: dict[int, set[int]] = {}
    for meant, street8 in to_street8.items():
        meanings.setdefault(table.get(meant, IGNORE), set()).add(street8)
    return meanings


def _log_plausibility(meanings: Mapping[int, set[int]]) -> npt.NDArray[np.float64]:
    table = np.full((BANDS, 256), _IMPOSSIBLE)
    for value, classes in meanings.items():
        columns = [8 if c == IGNORE else c for c in classes]
        table[:, value] = PLAUSIBILITY[:, columns].sum(1)
    result: npt.NDArray[np.float64] = np.log(table)
    return result
