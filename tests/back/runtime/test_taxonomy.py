"""Class sets and remaps, against the label table of the official Cityscapes scripts."""

import numpy as np
import pytest
from cityscapesscripts.helpers.labels import labels as official
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.taxonomy import (
    CITYSCAPES7,
    CITYSCAPES19,
    IGNORE,
    REMAPS,
    STREET8,
    TAXONOMIES,
    LabelValueError,
    RemapError,
    apply_remap,
    remap_for,
)

BY_TRAIN_ID = sorted((x for x in official if 0 <= x.trainId < 255), key=lambda x: x.trainId)


def test_cityscapes19_has_the_official_names_and_colours():
    assert [(c.name, c.color) for c in CITYSCAPES19.classes] == [(x.name, x.color) for x in BY_TRAIN_ID]


def test_label_ids_map_to_the_official_train_ids():
    expected = {x.id: x.trainId for x in official if x.id >= 0}
    remap = remap_for("cityscapes_label_ids", "cityscapes19")
    assert {k: v for k, v in remap.items() if k != IGNORE} == expected


def test_label_ids_map_to_the_official_categories():
    remap = remap_for("cityscapes_label_ids", "cityscapes7")
    for x in BY_TRAIN_ID:
        assert CITYSCAPES7.classes[remap[x.id]].name == x.category


def test_street8_takes_its_colours_from_cityscapes_and_paints_background_black():
    cityscapes = {x.name: x.color for x in official}
    names = {"vehicle": "car", "pedestrian": "person"}
    for c in STREET8.classes[:-1]:
        assert c.color == cityscapes[names.get(c.name, c.name)]
    assert STREET8.classes[-1].color == (0, 0, 0)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("cityscapes_label_ids", [7, 8, 11, 26, 33, 24, 25, 21, 23], [0, 1, 2, 3, 3, 4, 4, 5, 6]),
        ("cityscapes_label_ids", [12, 13, 17, 19, 20, 22], [7] * 6),
        ("cityscapes_label_ids", [0, 1, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30, 255], [255] * 14),
        ("camvid11", list(range(12)), [6, 2, 7, 0, 1, 5, 7, 7, 3, 4, 4, 255]),
    ],
)
def test_street8_merges_classes_as_the_readme_says(source, values, expected):
    assert apply_remap(np.array([values], np.uint8), remap_for(source, "street8")).tolist() == [expected]


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, targets in REMAPS.items() for t in targets])
def test_every_remap_leads_into_its_target_and_reaches_each_class(source, target):
    results = set(REMAPS[source][target].values()) - {IGNORE}
    # street8 keeps poles and signs in background together with walls, so it has no category "object".
    unreachable = {2} if (source, target) == ("street8", "cityscapes7") else set()
    assert results == set(range(len(TAXONOMIES[target].classes))) - unreachable


@given(st.data())
def test_a_remap_works_pixel_by_pixel(data):
    remap = remap_for("camvid11", "street8")
    values = data.draw(st.lists(st.sampled_from(sorted(remap)), min_size=1, max_size=60))
    result = apply_remap(np.array([values], np.uint8), remap)
    assert result.tolist() == [[remap[v] for v in values]]


@given(st.integers(12, 254))
def test_a_value_outside_the_table_names_the_file_and_the_value(value):
    label = np.array([[0, value]], np.uint8)
    with pytest.raises(LabelValueError, match=rf"street\.png: label value {value} "):
        apply_remap(label, remap_for("camvid11", "street8"), name="street.png")


def test_an_unknown_remap_lists_those_there_are():
    with pytest.raises(RemapError, match="camvid11 -> street8"):
        remap_for("cityscapes7", "street8")
