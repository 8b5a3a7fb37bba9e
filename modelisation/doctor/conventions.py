"""What the labels of a whole split most likely are, where their values fit the source by chance only."""

from collections.abc import Sequence

import numpy as np

from back.runtime.labels.source import OwnValues, Source, name_of
from back.runtime.taxonomy import IGNORE
from modelisation.doctor.examine import WITHHELD, Examination, judged_in
from modelisation.doctor.faults import Fault

_MASKS = ({0, 255}, {0, 1})  # values of masks of one class, as tools write them
# Findings about the values of single files, which say nothing more once the whole split is explained.
_EXPLAINED = {
    "turned_label",
    "train_ids",
    "remapped_already",
    "remapped_twice",
    "other_encoding",
    "ids_from_one",
    "wrong_ignore_value",
    "values_outside_table",
    "all_ignored",
}


def judge_splits(examinations: Sequence[Examination], source: Source) -> tuple[list[Fault], list[Fault]]:
    """The faults of whole splits, and those of single files that they leave standing."""
    whole: list[Fault] = []
    single: list[Fault] = []
    for split in sorted({e.pair.split for e in examinations}):
        ours = [e for e in examinations if e.pair.split == split]
        fault = _judge(split, ours, source)
        whole += [fault] if fault else []
        single += [f for e in ours for f in e.faults if fault is None or f.kind not in _EXPLAINED]
    return single, whole


def _judge(split: str, examinations: Sequence[Examination], source: Source) -> Fault | None:
    counted = [e.values for e in examinations if e.values is not None]
    if not counted:
        return None
    values = set(np.flatnonzero(sum(counted)).tolist())
    taxonomy, table = judged_in(source)
    if values in _MASKS and not (isinstance(source, OwnValues) and len(taxonomy.classes) == 2):
        black, white = (f"{value} (read as {_meaning(value, source)})" for value in sorted(values))
        detail = f"its labels ({len(counted)}) hold nothing but {black} and {white}"
        return Fault("two_valued_mask", f"split {split}", detail)
    if split != WITHHELD and all(table.get(value) == IGNORE for value in values):
        listed = ", ".join(map(str, sorted(values)))
        detail = f"each pixel of its labels ({len(counted)}) is ignored (value {listed} of {name_of(source)})"
        return Fault("split_ignored", f"split {split}", detail)
    return None


def _meaning(value: int, source: Source) -> str:
    taxonomy, table = judged_in(source)
    target = table.get(value)
    if target is None:
        return f"no value of {name_of(source)}"
    return "ignored" if target == IGNORE else taxonomy.names[target]
