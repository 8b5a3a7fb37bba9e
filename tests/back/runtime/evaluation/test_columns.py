"""Tables that come with the pictures, as people write them."""

from pathlib import Path

import numpy as np
import pytest

from back.runtime.confidence import CERTAIN
from back.runtime.evaluation.columns import numbers_of, read_columns
from back.runtime.evaluation.score import _log_loss


@pytest.mark.parametrize(
    "text",
    [
        "weather,image\nrain,a.jpg\nsun,b",
        "\ufeffname;weather\nimages/a.png;rain\nb;sun\nstranger;fog",
        "name\tweather\na\train\nb\tsun",
    ],
)
def test_a_column_is_read_however_it_is_parted(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    columns, notes = read_columns(tmp_path / "t.csv", ["a", "b"])
    assert (columns, notes) == ({"weather": {"a": "rain", "b": "sun"}}, [])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xfe\x00", "cannot be read as CSV"),
        (b"name,weather\n", "no rows below its titles"),
        (b"name,weather\nz,rain\n", "names none of the pictures"),
        (b"", "no rows below its titles"),
        (b"name,x\n" + b"\n".join(b"p%d,word%d" % (i, i) for i in range(30)), "more than 12 values"),
    ],
)
def test_a_table_that_says_nothing_is_told(tmp_path: Path, data: bytes, sentence: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    columns, (note,) = read_columns(tmp_path / "t.csv", [f"p{i}" for i in range(30)])
    assert columns == {}
    assert sentence in note


def test_numbers_are_numbers_and_nothing_else() -> None:
    assert numbers_of({"a": "1,5", "b": "-2e1"}) == {"a": 1.5, "b": -20}
    assert numbers_of({"a": "1", "b": "rain"}) is None
    assert numbers_of({"a": "inf"}) is None


def test_the_log_loss_is_that_of_the_confidence() -> None:
    truth_HW = np.array([[0, 1, 255]], np.uint8)
    sure = np.full((1, 3), round(0.9 * CERTAIN), np.uint16)
    assert _log_loss(truth_HW, np.array([[0, 1, 0]], np.uint8), sure) == pytest.approx(-np.log(0.9), abs=1e-3)
    assert _log_loss(truth_HW, np.array([[0, 0, 0]], np.uint8), sure) == pytest.approx(
        (-np.log(0.9) - np.log(0.1)) / 2, abs=1e-3
    )
    assert _log_loss(np.full((1, 3), 255, np.uint8), truth_HW, sure) is None
