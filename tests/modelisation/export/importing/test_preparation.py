"""From an image processor's configuration to what the runtime does with a photo."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from back.runtime.errors import UserError
from modelisation.export.importing.preparation import preparation_of, read_preparation


def test_mean_std_filter_and_size_are_taken_over() -> None:
    found = preparation_of(
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3], "resample": 3, "size": {"height": 512, "width": 1024}}
    )
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert (found.resize_filter, found.pixels) == ("bicubic", 512 * 1024)


@pytest.mark.parametrize(
    "fields",
    [
        {"do_rescale": False, "image_mean": [123.0, 117.0, 104.0], "image_std": [58.0, 57.0, 57.0]},
        {"rescale_factor": 1 / 127.5, "image_mean": [1.0, 1.0, 1.0], "image_std": [1.0, 1.0, 1.0]},
        {"do_normalize": False},
        {"do_normalize": False, "do_rescale": False},
    ],
)
def test_any_rescaling_is_the_same_arithmetic_on_0_to_1(fields: dict[str, Any]) -> None:
    value = np.array([0.0, 17.0, 255.0])
    factor = fields.get("rescale_factor", 1 / 255) if fields.get("do_rescale", True) else 1.0
    mean, std = (fields.get(f"image_{key}", [default])[0] for key, default in (("mean", 0.0), ("std", 1.0)))
    found = preparation_of(fields)
    np.testing.assert_allclose((value / 255 - found.mean[0]) / found.std[0], (value * factor - mean) / std)


def test_blue_first_is_kept_and_its_mean_turned_to_rgb() -> None:
    found = preparation_of({"do_flip_channel_order": True, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]})
    assert found.bgr
    assert found.mean == (0.3, 0.2, 0.1)


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        (640, 640 * 640),
        ({"shortest_edge": 600, "longest_edge": 2000}, 600 * 800),
        ({"shortest_edge": 1024, "longest_edge": 1024}, 1024 * 1024),
        (None, None),
    ],
)
def test_a_size_in_any_form_becomes_a_number_of_pixels(size: Any, pixels: int | None) -> None:
    assert preparation_of({"size": size}).pixels == pixels


@pytest.mark.parametrize("key", ["do_reduce_labels", "reduce_labels"])
def test_labels_that_count_from_one_are_known(key: str) -> None:
    assert preparation_of({key: True}).reduce_labels


def test_a_folder_without_a_processor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no preprocessor_config\.json"):
        read_preparation(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(UserError, match="is no JSON object"):
        read_preparation(tmp_path)
