"""Label files: only kinds that work are offered, the likely one first, and what speaks against it is said."""

import re

import pytest

from back.runtime.taxonomy import REMAPS, TAXONOMIES
from front.photos.label_files import KINDS, LabelFile, Values, doubt, kinds_for, likely_kind


def label(name: str = "label.png") -> LabelFile:
    return LabelFile.of(name, b"")


def read(values: list[int]) -> Values:
    """The same values whatever the file is, as those of a grey one are."""
    return dict.fromkeys(KINDS, values)


def test_kinds_and_their_values_are_the_api_s() -> None:
    assert KINDS.keys() == REMAPS.keys()
    for kind, targets in REMAPS.items():
        assert KINDS[kind].fits == targets.keys()
        assert {frozenset(table) for table in targets.values()} == {KINDS[kind].values}


@pytest.mark.parametrize("target", TAXONOMIES)
def test_the_kinds_offered_for_a_model_are_those_that_the_api_can_remap(target: str) -> None:
    assert set(kinds_for([target])) == {kind for kind, targets in REMAPS.items() if target in targets}


def test_only_kinds_that_fit_both_models_are_offered() -> None:
    assert "cityscapes7" not in kinds_for(["street8", "street8"])
    assert kinds_for(["street8", "cityscapes19"]) == ["cityscapes_label_ids", "cityscapes19"]
    assert kinds_for(["garden", "garden"]) == ["garden"]  # ids of the models' own classes
    assert kinds_for(["garden", "street8"]) == []


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        ([0, 2, 7, 255], "label.png", "street8"),
        ([7, 11, 21, 23, 26], "label.png", "cityscapes_label_ids"),
        ([0, 8, 10, 13, 255], "label.png", "cityscapes19"),
        ([0, 3, 8, 10, 11], "label.png", "camvid11"),
        ([1, 3, 4], "0001TP_008550.png", "camvid11"),
        ([1, 3, 4], "Seq05VD_f00030.png", "camvid11"),
        ([0, 1, 7], "aachen_000000_000019_gtFine_labelIds.png", "cityscapes_label_ids"),
        ([0, 1, 7], "aachen_000000_000019_gtFine_labelTrainIds.png", "cityscapes19"),
        ([21, 26], "camvid.png", "cityscapes_label_ids"),  # the values speak louder than the name
    ],
)
def test_the_kind_is_guessed_from_values_and_name(values: list[int], name: str, kind: str) -> None:
    kinds = kinds_for(["street8"])
    assert likely_kind(label(name), read(values), kinds) == kind
    assert doubt(label(name), read(values), kind, kinds) is None


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (
            [0, 21, 26],
            "street8",
            "holds 21 and 26; there are no such values in StreetSeg's .*. They fit Cityscapes labelIds.",
        ),
        ([0, 3, 255], "camvid11", "holds 255; there are no such values in CamVid, 11 classes. They fit StreetSeg's"),
        ([40, 41, 90], "street8", r"holds 40, 41 and 90; there are no such values in [^.]*\.$"),
        ([*range(40, 50)], "street8", "holds 40, 41, 42, 43, 44 and 45 and more"),
        ([0, 255], "street8", "a black-and-white mask"),
        ([3], "street8", "one value all over the photo"),
        ([255], "street8", "one value all over the photo"),
    ],
)
def test_what_speaks_against_a_kind_is_said(values: list[int], kind: str, words: str) -> None:
    assert re.search(words, str(doubt(label(), read(values), kind, kinds_for(["street8"]))))


def test_a_file_whose_values_are_not_known_is_left_to_the_api() -> None:
    found, kinds = label(), kinds_for(["street8"])
    assert doubt(found, {}, likely_kind(found, {}, kinds), kinds) is None


def test_a_kind_as_which_a_palette_means_nothing_is_not_guessed() -> None:
    values = {"cityscapes_label_ids": [7, 11]}
    assert likely_kind(label(), values, kinds_for(["street8"])) == "cityscapes_label_ids"


def test_of_a_models_own_classes_what_all_readings_agree_on_is_looked_at() -> None:
    (own,) = kinds_for(["garden"])
    assert re.search("a black-and-white mask", str(doubt(label(), read([0, 255]), own, [own])))
    assert doubt(label(), {"street8": [0], "camvid11": [3]}, own, [own]) is None  # a palette that they read otherwise
    assert likely_kind(label(), read([0, 1]), [own]) == own
