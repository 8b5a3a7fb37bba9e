"""Label files that come with a request: read, and turned into a model's classes; what is wrong is a problem."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from back.problems import Problem
from back.runtime.labels.read import LabelFileError, read_label, values_by_source
from back.runtime.labels.source import OwnValues, Source
from back.runtime.labels.tables import table_to
from back.runtime.taxonomy import LabelValueError, RemapError, Taxonomy, apply_remap

UInt8Array = npt.NDArray[np.uint8]
T = TypeVar("T")


def decode_label(data: bytes, source: Source, width: int, height: int) -> UInt8Array:
    """Read a label file of a photo's size: uint8 [height, width], in the values of its source.

    Raises:
        Problem: 415 no PNG, 400 damaged, 422 not ids or of another size.
    """

    def check_size(label_width: int, label_height: int) -> None:
        # Before it is decoded: a bomb is stopped by the photo's own limit.
        if (label_width, label_height) != (width, height):
            raise Problem(
                422,
                f"The label is {label_width} x {label_height} pixels but the photo is {width} x {height}; "
                "send the label of this photo.",
            )

    return _read(lambda: read_label(data, source, check_size=check_size))


def label_values(data: bytes, max_pixels: int) -> dict[str, list[int] | None]:
    """The values in a label file, by what it may be, see `values_by_source`.

    Raises:
        Problem: 415 no PNG, 400 damaged, 422 not ids, 413 more than `max_pixels`.
    """

    def check_size(width: int, height: int) -> None:
        if width * height > max_pixels:
            raise Problem(413, f"The label has {width * height} pixels, of {max_pixels} allowed; send a smaller one.")

    return _read(lambda: values_by_source(data, check_size=check_size))


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except LabelFileError as error:
        status, sentence = {
            "not_png": (415, "The label is not a PNG; send a PNG whose values are class ids."),
            "damaged": (400, "The label file is damaged or cut off; save or upload it again."),
            "colour": (422, f"The label must be a PNG whose values are class ids, not colours: {error.detail}."),
        }.get(error.kind, (422, f"The label cannot be read: {error.detail}."))
        raise Problem(status, sentence) from error


def label_table(source: Source, target: Taxonomy) -> Mapping[int, int]:
    """The remap from a label file's values to a model's classes.

    Raises:
        Problem: 422, there is none.
    """
    try:
        return table_to(source, target)
    except RemapError as error:
        own = f"; set label_taxonomy, for ids of the model itself to {target.id}"
        own = "" if isinstance(source, OwnValues) else own
        raise Problem(422, f"This label cannot be used: {error}{own}.") from error


def remap_label(label_HW: UInt8Array, table: Mapping[int, int]) -> UInt8Array:
    """The label in a model's classes.

    Raises:
        Problem: 422, a value is outside the table.
    """
    try:
        return apply_remap(label_HW, table, name="The label")
    except LabelValueError as error:
        raise Problem(422, f"{error}; or set label_taxonomy to what the file holds.") from error
