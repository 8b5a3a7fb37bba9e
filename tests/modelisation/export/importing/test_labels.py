"""From a head's labels to classes: what is known is placed, what is not is asked for."""

import pytest

from back.runtime.errors import UserError
from back.runtime.taxonomy import CITYSCAPES19, STREET8
from modelisation.data.class_sets import class_set
from modelisation.export.importing.labels import Placed, place_labels, same_order

ADE20K_STREET = class_set("ade20k-street")


def ade20k() -> list[str]:
    """150 labels of which those at known places are spelt as the hub's file of them does."""
    known = {
        0: "wall", 1: "building", 2: "sky", 4: "tree", 6: "road, route", 9: "grass", 11: "sidewalk, pavement",
        12: "person", 20: "car", 32: "fence", 80: "bus", 83: "truck", 127: "bicycle", 149: "flag",
    }  # fmt: skip
    return [known.get(i, f"thing {i}") for i in range(150)]


def place(labels: list[str], wanted: str | None = None, maps: dict[str, str] | None = None) -> Placed:
    return place_labels(labels, wanted, maps or {}, "mine")


def test_cityscapes_labels_stay_what_they_are() -> None:
    placed = place(list(CITYSCAPES19.names))
    assert placed.taxonomy.id == "cityscapes19"
    assert placed.merge == tuple((i,) for i in range(19))


def test_cityscapes_labels_are_grouped_to_street8() -> None:
    placed = place([name.title() for name in CITYSCAPES19.names], "street8")
    assert placed.taxonomy.same_classes(STREET8)
    assert placed.merge == ((0,), (1,), (2,), (13, 14, 15, 16, 17, 18), (11, 12), (8,), (10,), (3, 4, 5, 6, 7, 9))


def test_labels_in_another_order_find_their_classes_by_name() -> None:
    placed = place(list(reversed(CITYSCAPES19.names)), "cityscapes19")
    assert placed.merge == tuple((18 - i,) for i in range(19))


def test_ade20k_goes_to_street8_by_its_files_values() -> None:
    placed = place(ade20k(), "street8")
    assert placed.onto["road, route"] == "road"
    assert placed.onto["thing 54"] == "road"  # "runway", value 55, lies with the roads
    assert placed.onto["tree"] == "vegetation"
    assert sum(map(len, placed.merge)) == 150


def test_ade20k_with_its_unlabelled_channel_is_shifted_by_one() -> None:
    placed = place(["background", *ade20k()], "street8", {"background": "ignore"})
    assert placed.onto["sidewalk, pavement"] == "sidewalk"
    assert 0 not in {channel for channels in placed.merge for channel in channels}


def test_labels_without_a_class_are_listed_and_refused() -> None:
    with pytest.raises(UserError, match=r'no class of street8 for its labels awning, kiosk; .*--map "awning=CLASS"'):
        place([*CITYSCAPES19.names, "awning", "kiosk"], "street8")


def test_a_map_settles_a_label_and_ignore_takes_its_channel_out() -> None:
    labels = [*CITYSCAPES19.names, "awning", "kiosk"]
    placed = place(labels, "street8", {"awning": "building", "kiosk": "ignore"})
    assert placed.merge[2] == (2, 19)
    assert placed.onto["kiosk"] == "ignore"
    assert 20 not in {channel for channels in placed.merge for channel in channels}


def test_a_map_of_no_label_is_refused() -> None:
    with pytest.raises(UserError, match=r"--map tram=…: the model has no such label"):
        place(list(CITYSCAPES19.names), "street8", {"tram": "vehicle"})


def test_a_class_that_no_label_gives_is_refused() -> None:
    with pytest.raises(UserError, match=r"none of its labels is sky of street8"):
        place([name for name in CITYSCAPES19.names if name != "sky"], "street8")


def test_own_labels_become_a_class_set_of_their_own_and_twins_are_told_apart() -> None:
    placed = place(["path", "lawn", "lawn"])
    assert placed.taxonomy.names == ("path", "lawn", "lawn (2)")
    assert len({c.color for c in placed.taxonomy.classes}) == 3


def test_a_head_of_another_size_than_the_named_set_is_refused() -> None:
    assert same_order("street8", 8, "mine")[0] == "road"
    with pytest.raises(UserError, match=r"head has 7 channels where street8 has 8 classes"):
        same_order("street8", 7, "mine")
