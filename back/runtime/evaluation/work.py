"""What is done with an evaluation in a process of its own, so that hostile files end that and nothing else."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from back.runtime.card import read_card
from back.runtime.errors import InputError
from back.runtime.evaluation.collect import Collected, collect, data_folders, look_at_labels, prior_of
from back.runtime.evaluation.limits import RESULT_FILE, TABLE_FILE, EvaluationLimits
from back.runtime.evaluation.unpack import unpack
from back.runtime.labels.tables import source_named
from back.runtime.process.bounded import answer_one
from back.runtime.process.progress import ProgressFile, replace_whole
from back.runtime.taxonomy import common_of

_NICE = 5  # photos come first
_NAMED = 5


def work(request: dict[str, Any]) -> dict[str, Any]:
    """`unpack` and look at what was sent; `look` at a folder; `folders` that there are; `evaluate`.

    Args:
        request: `limits` (of `EvaluationLimits`), `root` (the folder with the data) and `inside` (what links must not
            lead out of); to unpack `sent` (names and paths); to look and evaluate `split`; to evaluate also `models`
            (each with `name` and `bundle`), `engine` (options for `Predictor.load`), `label_kind`, `clips` and
            `folder`, where the results go.

    Returns:
        What is told of the files; for those that are refused `refused`, a sentence, and `status`.
    """
    limits, root = EvaluationLimits(**request["limits"]), Path(request["root"])
    try:
        if request["action"] == "folders":
            return {"folders": data_folders(root)}
        left_out: list[str] = []
        if request["action"] == "unpack":
            sent = [(name, Path(path)) for name, path in request["sent"]]
            left_out = unpack(sent, root, limits).sentences()
        collected = collect(root, request["split"], limits)
        if request["action"] == "evaluate":
            return _evaluate(request, collected, limits)
        return _look(collected, limits, Path(request["inside"]), left_out)
    except InputError as error:
        return {"refused": str(error), "status": error.status}


def _look(collected: Collected, limits: EvaluationLimits, inside: Path, left_out: list[str]) -> dict[str, Any]:
    values = look_at_labels(collected, limits, inside)
    return {
        "layout": collected.layout.KIND,
        "splits": list(collected.splits),
        "split": collected.split,
        "pictures": len(collected.pairs),
        "unlabelled": collected.unlabelled,
        "pairs": [[_name(pair.image), _name(pair.label)] for pair in collected.pairs[:_NAMED]],
        "left_out": [*left_out, *collected.left_out],
        "rated": values.rated(prior_of(collected)),
        "values": values.values(),
        "table": collected.table.name if collected.table is not None else None,
    }


def _name(path: Path | None) -> str:
    return "" if path is None else path.name


def _evaluate(request: dict[str, Any], collected: Collected, limits: EvaluationLimits) -> dict[str, Any]:
    # Here alone: who only looks at files need not wait for the engine.
    from back.runtime.evaluation.columns import read_columns
    from back.runtime.evaluation.evaluate import score_all
    from back.runtime.evaluation.result import result_of, table_of
    from back.runtime.evaluation.score import Scorer
    from back.runtime.predictor import Predictor

    os.nice(_NICE)
    folder = Path(request["folder"])
    told = ProgressFile(folder)
    told.tell(0, 0, len(collected.pairs))
    engine = dict(request["engine"])
    cache = Path(engine.pop("cache_dir"))
    predictors = tuple(
        Predictor.load(Path(model["bundle"]), **engine, cache_dir=cache, verify=False)  # they serve
        for model in request["models"]
    )
    taxonomies = [read_card(Path(model["bundle"])).taxonomy for model in request["models"]]
    common = common_of(taxonomies)
    if common is None:
        raise InputError("The models' classes differ, and neither set groups the other; choose others.", 409)
    source = source_named(request["label_kind"], taxonomies)
    scorer = Scorer(predictors, common, source, limits, folder, Path(request["inside"]))
    if request["clips"] == "none":
        collected = collected.independent()
    scored, refused = score_all(scorer, collected, told.tell)
    columns: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    if collected.table is not None:
        columns, notes = read_columns(collected.table, [one.name for one in scored])
    models = [model["name"] for model in request["models"]]
    result = {
        "models": models,
        "label_kind": request["label_kind"],
        "split": collected.split,
        **result_of(scored, common, columns),
        "refused": [asdict(one) for one in refused],
        "notes": notes,
    }
    replace_whole(folder / TABLE_FILE, table_of(result, models))
    replace_whole(folder / RESULT_FILE, json.dumps(result).encode())
    return {"frames": len(scored), "notes": notes, "refused_pictures": len(refused)}


if __name__ == "__main__":
    answer_one(work)
