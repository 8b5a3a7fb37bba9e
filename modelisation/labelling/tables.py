"""The tables beside the labels: `results.parquet`, a row for each photo, and `errors.parquet`, why one has none."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelisation.labelling.record import Record
from modelisation.outputs.files import OutputFolder

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS_FILE, ERRORS_FILE = "results.parquet", "errors.parquet"
_ROWS = 10_000  # of which memory holds one set at a time


def write_tables(record: Record, folder: OutputFolder) -> None:
    """Write both tables of all that a folder's record knows, whole or not at all.

    Columns of the results: `file` as it was named, `name` of its files in the folder, `sha256` and `bytes` of its
    content, `width` and `height` in pixels of the upright photo, `model` and `version` (of the registry; none for a
    bundle's folder), `model_sha256` of the network, `options`, `share_<class>` for every class (0..1, of the photo's
    pixels), `familiarity` with the model's training streets (0 as the mean of streets, negative less so) and whether
    the photo is `unfamiliar`, so that much may be wrong (none where the card does not tell), `labelled` (UTC),
    `milliseconds` from the file's bytes to those of the labels, and from EXIF `taken` (the camera's clock),
    `latitude` and `longitude` in degrees, where they are there.

    Raises:
        UserError: a table is there already and is not ours, or cannot be written.
    """
    with folder.writing((RESULTS_FILE, ERRORS_FILE)) as places:
        _write(places[RESULTS_FILE], _results_schema(record), _results(record))
        _write(places[ERRORS_FILE], _errors_schema(), ({"file": f, "error": e} for f, e in record.errors()))


def _write(path: Path, schema: "pa.Schema", rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        while some := list(islice(rows, _ROWS)):
            file.write_table(pa.Table.from_pylist(some, schema))


def _results_schema(record: Record) -> "pa.Schema":
    import pyarrow as pa

    classes = dict.fromkeys(name for model in record.models() for name in model["classes"])
    return pa.schema(
        {
            "file": pa.string(), "name": pa.string(), "sha256": pa.string(), "bytes": pa.int64(),
            "width": pa.int32(), "height": pa.int32(),
            "model": pa.string(), "version": pa.string(), "model_sha256": pa.string(), "options": pa.string(),
            **{_share(name): pa.float64() for name in classes},
            "familiarity": pa.float64(), "unfamiliar": pa.bool_(),
            "labelled": pa.timestamp("ms", "UTC"), "milliseconds": pa.float64(),
            "taken": pa.timestamp("s"), "latitude": pa.float64(), "longitude": pa.float64(),
        }
    )  # fmt: skip


def _errors_schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema({"file": pa.string(), "error": pa.string()})


def _results(record: Record) -> Iterator[dict[str, Any]]:
    for model, row in record.results():
        told = {key: value for key, value in model.items() if key != "classes"}
        shares = _shares(model["classes"], row.pop("shares"))
        times = {key: datetime.fromisoformat(row[key]) for key in ("labelled", "taken") if row[key]}
        yield {**told, **shares, **row, **times}


def _shares(classes: Iterable[str], shares: Iterable[float]) -> dict[str, float]:
    return {_share(name): share for name, share in zip(classes, shares, strict=True)}


def _share(name: str) -> str:
    return f"share_{name}"
