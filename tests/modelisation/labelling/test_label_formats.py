"""Labels written for labelling tools: read again by the readers of these formats, they are the same."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from back.runtime.taxonomy import CITYSCAPES19, STREET8
from modelisation.data.formats.shapes import fill
from modelisation.data.open import open_dataset
from modelisation.labelling.label_formats import FORMATS
from modelisation.labelling.source import Source
from modelisation.scenes.render import render_scene

LABELS = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(2, 12)), elements=st.integers(0, 4))


def written(folder: Path, form: str, labels: np.ndarray, taxonomy=STREET8) -> Path:
    """What `predict --format` leaves for a photo `a.jpg`, with the photo beside it as its reader wants it."""
    files, photo = FORMATS[form](taxonomy), Source("photos/a.jpg", "a")
    content, name = files.content(photo, labels), files.name(photo)
    files.add(photo, files.part(photo, labels))
    for file, data in {**({name: content} if name and content else {}), **files.finish()}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    place = folder / "JPEGImages" if form == "cvat" else folder
    place.mkdir(exist_ok=True)
    Image.new("RGB", labels.shape[::-1]).save(place / "a.jpg")
    return folder


def read_again(folder: Path, form: str, shape: tuple[int, int], taxonomy=STREET8) -> np.ndarray:
    if form != "geojson":
        return open_dataset(folder, "all", taxonomy)[0].label
    labels = np.full(shape, 255, np.uint8)
    for feature in json.loads((folder / "a.geojson").read_text(encoding="utf-8"))["features"]:
        for rings in feature["geometry"]["coordinates"]:
            labels[fill(rings, *shape)] = feature["properties"]["id"]
    return labels


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=15, deadline=None)
@given(labels=LABELS)
def test_any_labels_come_back_within_half_a_per_cent(form, labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    again = read_again(written(folder, form, labels), form, labels.shape)
    assert (again != labels).mean() <= 0.005


@pytest.mark.parametrize("form", FORMATS)
def test_the_labels_of_a_street_come_back(form, tmp_path):
    scene = render_scene(3, 96, 160)
    labels = np.array([8, 0, 1, 2, 5, 10, 13, 18], np.uint8)[scene.label_ids % 8]
    again = read_again(written(tmp_path, form, labels, CITYSCAPES19), form, labels.shape, CITYSCAPES19)
    assert (again != labels).mean() <= 0.005


def test_coco_lists_every_class_and_where_it_is(tmp_path):
    labels = np.zeros((4, 6), np.uint8)
    labels[1:3, 2:5] = 3
    content = json.loads((written(tmp_path, "coco", labels) / "instances.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in content["categories"]] == list(STREET8.names)
    vehicle = next(one for one in content["annotations"] if one["category_id"] == 4)
    assert vehicle["area"] == 6
    assert vehicle["bbox"] == [2, 1, 3, 2]


def test_an_outline_of_a_rectangle_has_few_corners(tmp_path):
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 8:20] = 3
    content = json.loads((written(tmp_path, "polygons", labels) / "a.json").read_text(encoding="utf-8"))
    assert [shape["label"] for shape in content["shapes"]] == ["road", "vehicle"]
    assert all(len(shape["points"]) <= 8 for shape in content["shapes"])
