"""`doctor`: what is wrong with a data folder, file by file, with counts and a fix for each."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.labels.source import Source, name_of
from back.runtime.layouts.listing import Pair
from modelisation.data.class_sets import Classes
from modelisation.doctor.conventions import judge_splits
from modelisation.doctor.examine import Examination, examine, judged_in
from modelisation.doctor.faults import Fault
from modelisation.doctor.layout import Layout, read_layout
from modelisation.doctor.leaks import clips_in_two_splits, near_duplicates, single_scenes

# Below this many pairs, starting worker processes takes longer than the work.
_WORTH_WORKERS = 200
_CHUNK = 16
# By these a JSON file is known as a diagnosis.
DIAGNOSIS_KEYS = ("layout", "faults", "counts", "classes")


def diagnose(
    root: Path, *, classes: Classes | None = None, workers: int | None = None, progress: bool = False
) -> dict[str, Any]:
    """Examine every file of a data folder.

    Args:
        root: Cityscapes, CamVid (SegNet layout) or images/labels folder.
        classes: of a plain folder's labels, in place of those that it brings.
        workers: processes; None takes all cores that this process may use.
        progress: show a progress bar.

    Returns:
        `layout`, `source`, `images`, `labels`; `split_rule`, how splits were made where there were none; `faults`
        (each with `kind`, `severity`, `path`, `detail`); `counts` by kind; `classes`: split -> class -> {"share" of
        the labelled pixels, "images" that show it, "without" it, "files_without" it}.

    Raises:
        DatasetError: the folder has no layout that is known, or holds nothing.
    """
    layout = read_layout(root, classes)
    with _mapper(len(layout.pairs), workers) as run:
        work = run(partial(examine, source=layout.source), layout.pairs)
        examinations = list(
            tqdm(work, "doctor", total=len(layout.pairs), unit="pair", disable=not progress, smoothing=0.05)
        )
    frequencies = class_frequencies(examinations, layout.source)
    single, whole = judge_splits(examinations, layout.source)
    faults = [
        *(Fault(one.kind, one.path, one.detail) for one in layout.left_out),
        *single,
        *whole,
        *near_duplicates(examinations),
        *clips_in_two_splits(layout.pairs),
        *single_scenes(layout.pairs),
        *_missing_classes(frequencies),
    ]
    return _as_json(root, layout, faults, frequencies)


def class_frequencies(examinations: Sequence[Examination], source: Source) -> dict[str, dict[str, dict[str, Any]]]:
    """Split -> class -> share of the pixels that count, images that show the class, images without it, and which."""
    taxonomy, table = judged_in(source)
    onto = np.zeros((256, len(taxonomy.classes)), np.int64)
    for value, target in table.items():
        if target < len(taxonomy.classes):
            onto[value, target] = 1
    result = {}
    for split in sorted({e.pair.split for e in examinations}):
        labelled = [(e.pair, e.values @ onto) for e in examinations if e.pair.split == split and e.values is not None]
        pixels = np.array([counts for _, counts in labelled]).reshape(-1, len(taxonomy.classes))
        files = np.array([str(pair.image or pair.label) for pair, _ in labelled], dtype=object)
        total = pixels.sum()
        result[split] = {
            name: {
                "share": float(pixels[:, i].sum() / total) if total else 0.0,
                "images": int((pixels[:, i] > 0).sum()),
                "without": int((pixels[:, i] == 0).sum()),
                "files_without": files[pixels[:, i] == 0].tolist(),
            }
            for i, name in enumerate(taxonomy.names)
        }
    return result


def _missing_classes(classes: dict[str, dict[str, dict[str, Any]]]) -> list[Fault]:
    # A split without any labelled pixel lacks its labels altogether, which is reported file by file.
    return [
        Fault("class_missing", f"split {split}", name)
        for split, table in classes.items()
        if any(row["images"] for row in table.values())
        for name, row in table.items()
        if not row["images"]
    ]


def _as_json(root: Path, layout: Layout, faults: Sequence[Fault], classes: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.kind] = counts.get(fault.kind, 0) + 1
    return {
        "root": str(root),
        "layout": layout.kind,
        "source": name_of(layout.source),
        "split_rule": layout.split_rule,
        "images": sum(p.image is not None for p in layout.pairs),
        "labels": sum(p.label is not None for p in layout.pairs),
        "counts": counts,
        "faults": [fault.as_json() for fault in faults],
        "classes": classes,
    }


@contextmanager
def _mapper(pairs: int, workers: int | None) -> Iterator[Any]:
    """An ordered, lazy `map`: in this process for small folders, else in worker processes."""
    count = workers or len(os.sched_getaffinity(0))
    if pairs < _WORTH_WORKERS or count == 1:
        yield map
        return
    # Spawned, not forked: a forked copy of a process with threads (torch, OpenVINO) may hang.
    with multiprocessing.get_context("spawn").Pool(count) as pool:

        def parallel_map(function: Any, items: Sequence[Pair]) -> Iterable[Examination]:
            return pool.imap(function, items, _CHUNK)

        yield parallel_map
