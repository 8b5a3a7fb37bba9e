"""Tables of the Runs page: one line a run, and the parameters in which runs differ."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from front.ui.names import display_name, duration

Record = Mapping[str, Any]


def run_table(runs: Sequence[Record]) -> pd.DataFrame:
    """One line a run in the order given: name, model, state, start, duration, last scores."""
    return pd.DataFrame(
        {
            "Run": [run["name"] for run in runs],
            "Model": [_model_and_version(run) for run in runs],
            "State": [str(run["status"]).capitalize() for run in runs],
            "Started": [_moment(run.get("start_time")) for run in runs],
            "Took": [duration(run.get("start_time"), run.get("end_time")) for run in runs],
            "mIoU": [_percent(run, "val_miou") for run in runs],
            "Pixel accuracy": [_percent(run, "val_pixel_accuracy") for run in runs],
            "Validation loss": [run.get("metrics", {}).get("val_loss") for run in runs],
        }
    )


def listing_key(runs: Sequence[Record]) -> str:
    """The same for the same runs in the same order, and for no others."""
    return "runs-" + hashlib.sha256(" ".join(run["run_id"] for run in runs).encode()).hexdigest()[:16]


def rows_of(runs: Sequence[Record], chosen: Sequence[str] | None) -> list[int]:
    """Places of the chosen runs; before any choice those of the two newest that made a registered model."""
    if chosen is not None:
        return [row for row, run in enumerate(runs) if run["run_id"] in chosen]
    registered = [row for row, run in enumerate(runs) if run.get("model")]
    return (registered or list(range(len(runs))))[:2]


def parameter_table(runs: Sequence[Record]) -> tuple[pd.DataFrame, list[str]]:
    """Parameters by name with one column a run, those that differ first; and the names of those."""
    names = unique_names(runs)
    keys = sorted({key for run in runs for key in run.get("params", {})})
    values = {key: [run.get("params", {}).get(key, "—") for run in runs] for key in keys}
    differing = [key for key in keys if len(set(values[key])) > 1]
    order = differing + [key for key in keys if key not in differing]
    table = pd.DataFrame([values[key] for key in order], index=order, columns=names)
    table.index.name = "Parameter"
    return table, differing


def unique_names(runs: Sequence[Record]) -> list[str]:
    """Run names; two of the same name are told apart by the start of their ids."""
    names = [str(run["name"]) for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run['run_id'][:6]})"
        for name, run in zip(names, runs, strict=True)
    ]


def run_colours(runs: Sequence[Record], of_models: Mapping[str, str], all_colours: Sequence[str]) -> list[str]:
    """A colour for each run. The first run of a registered model has that model's colour, as on every other page."""
    colours: list[str | None] = []
    for run in runs:
        colour = of_models.get(run.get("model") or "")
        colours.append(None if colour in colours else colour)
    free = iter([colour for colour in all_colours if colour not in colours])
    return [colour or next(free) for colour in colours]


def _model_and_version(run: Record) -> str:
    model = run.get("model")
    return f"{display_name(model)} v{run['version']}" if model and run.get("version") else display_name(model or "—")


def _percent(run: Record, metric: str) -> float | None:
    value = run.get("metrics", {}).get(metric)
    return None if value is None else 100 * value


def _moment(milliseconds: float | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
