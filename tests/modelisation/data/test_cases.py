"""The small inputs beside the project, as loader and doctor see them; each has a twin that another test makes."""

from pathlib import Path

import numpy as np
import pytest

from modelisation.data.base import DatasetError
from modelisation.data.open import open_dataset
from modelisation.doctor.diagnose import diagnose

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside the project (../shared/cases)")


@pytest.mark.parametrize(
    ("case", "names", "counts"),
    [
        ("ds_labels_plain_grey", ("sa_000", "sb_001", "sc_002"), {}),
        ("ds_labels_grey_2bit_0_and_3", ("sa_000", "sb_001"), {}),
        ("ds_labels_binary_0_255", ("sa_000", "sb_001"), {"two_valued_mask": 1}),
        ("ds_labels_right_ids_voc_palette", ("sa_000", "sb_001"), {}),
        ("ds_label_suffix_PNG_upper", ("sa_000", "sb_001"), {}),
        ("ds_some_in_subfolder", ("sc_002",), {"in_subfolder": 4}),
        ("ds_twin_stems_jpg_and_png", ("sa_000", "sb_001"), {"second_of_a_name": 1}),
    ],
)
def test_loader_and_doctor_agree(case: str, names: tuple[str, ...], counts: dict[str, int]) -> None:
    assert open_dataset(CASES / case, "val").names == names
    diagnosis = diagnose(CASES / case)
    found = {kind: count for kind, count in diagnosis["counts"].items() if kind != "class_missing"}
    assert (found, diagnosis["images"]) == (counts, len(names))


@pytest.mark.parametrize(
    ("case", "ids"),
    [("ds_labels_grey_2bit_0_and_3", {0, 3}), ("ds_labels_right_ids_voc_palette", {0, 1, 3, 6, 7, 255})],
)
def test_labels_are_read_as_their_ids(case: str, ids: set[int]) -> None:
    assert {int(v) for sample in open_dataset(CASES / case, "val") for v in np.unique(sample.label)} == ids


def test_right_ids_under_the_palette_of_voc_are_those_ids() -> None:
    """Those of `ds_labels_plain_grey` but for pixels that the file leaves unlabelled, so the scores differ."""
    plain = {sample.name: sample.label for sample in open_dataset(CASES / "ds_labels_plain_grey", "val")}
    for sample in open_dataset(CASES / "ds_labels_right_ids_voc_palette", "val"):
        labelled = sample.label != 255
        assert 0.3 < labelled.mean() < 1
        np.testing.assert_array_equal(sample.label[labelled], plain[sample.name][labelled])


def test_a_split_that_is_ignored_throughout_is_refused() -> None:
    with pytest.raises(DatasetError, match="split val teaches and scores nothing"):
        open_dataset(CASES / "ds_val_all_ignored", "val")


def test_four_clips_without_splits_are_split() -> None:
    parts = [open_dataset(CASES / "ds_unsplit_images_labels", split).names for split in ("train", "val")]
    assert sorted(sum(parts, ())) == ["sa_000", "sb_001", "sc_002", "sd_003"]
    with pytest.raises(DatasetError, match="no split vall; there are: train, val, all"):
        open_dataset(CASES / "ds_unsplit_images_labels", "vall")
