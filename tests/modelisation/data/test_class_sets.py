"""Class sets as files: what is read, which mistakes are told, and the way from label values to each set."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.card import CARD_FILE
from back.runtime.taxonomy import CITYSCAPES7, REMAPS, STREET8, TAXONOMIES, RemapError, Taxonomy, grouping
from modelisation.data.base import DatasetError
from modelisation.data.class_colours import choose_colours, seen
from modelisation.data.class_files import ClassSetError, read_class_set, to_yaml
from modelisation.data.class_sets import built_in_names, class_set, classes_for, remap
from modelisation.data.open import open_dataset
from modelisation.provenance import REPOSITORY

BUNDLED = REPOSITORY / "modelisation" / "bundled"
THREE = "name: garden\nclasses:\n  - {id: 0, name: path, color: [128, 64, 128]}\n  - {id: 1, name: lawn}\n"
THREE += "  - {id: 2, name: house}\n"


def written(folder: Path, text: str, name: str = "classes.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_sets_are_files_and_say_what_the_tables_of_the_api_say():
    assert {"street8", "cityscapes19", "cityscapes7", "camvid11", "camvid32", "mapillary", "ade20k-street"} == set(
        built_in_names()
    )
    for name, taxonomy in TAXONOMIES.items():
        assert class_set(name).taxonomy.model_copy(update={"groups": {}}) == taxonomy
        for source, targets in REMAPS.items():
            if name in targets:
                stated = class_set(name).own if source == name else class_set(name).known[source]
                assert stated == dict(targets[name]), (source, name)


@pytest.mark.parametrize("name", built_in_names())
def test_a_built_in_set_written_and_read_again_is_the_same(name, tmp_path):
    assert read_class_set(written(tmp_path, to_yaml(class_set(name)))) == class_set(name)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ("  - {id: 0, name: a}\n", "1 classes; a set has 2 to 255"),
        ("".join(f"  - {{id: {i}, name: c{i}}}\n" for i in range(256)), "256 classes; a set has 2 to 255"),
        ("  - {id: 0, name: a}\n  - {id: 0, name: b}\n", "id 0 stands twice"),
        ("  - {id: 0, name: a}\n  - {id: 1, name: a}\n", "name a stands twice"),
        (
            "  - {id: 0, name: a, color: [1, 2, 3]}\n  - {id: 1, name: b, color: '#010203'}\n",
            r"colour \(1, 2, 3\) stands twice",
        ),
        ("  - {id: 0, name: a}\n  - {id: 2, name: b}\n", "ids must be 0 to 1 without gaps; 1 is missing"),
        ("  - {id: 0, name: a}\n  - {id: 1, name: b}\nignore: 1\n", "ignore 1 is the id of b"),
        ("  - {id: 0, name: a, color: [1, 2, 300]}\n  - {id: 1, name: b}\n", "outside 0 to 255"),
        ("  - {id: 0, name: a, values: [4]}\n  - {id: 1, name: b, values: [4]}\n", "value 4 is given to two classes"),
        (
            "  - {id: 0, name: a}\n  - {id: 1, name: b}\ngroups: {one: {x: [a]}}\n",
            "groups of one must hold each class",
        ),
        ("  - {id: 0, name: a, paint: red}\n  - {id: 1, name: b}\n", "classes.0.paint: Extra inputs"),
        ("  - {id: 0, name: a}\n  - {id: 1, name: b}\nname: street8\n", "street8 is a built-in set with other"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_files_name(tmp_path, classes, said):
    path = written(tmp_path, "classes:\n" + classes)
    with pytest.raises(ClassSetError, match=said) as error:
        class_set(path)
    assert str(error.value).startswith(str(path))


def test_a_set_that_is_not_there_names_those_that_are(tmp_path):
    with pytest.raises(ClassSetError, match="unknown class set 'street9'; known: street8, "):
        class_set("street9")
    with pytest.raises(ClassSetError, match=r"gone\.yaml: no such file with classes"):
        class_set(tmp_path / "gone.yaml")


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 12))
def test_chosen_colours_lie_apart_for_red_green_blind_eyes_too(count):
    colours = choose_colours([None] * count)
    assert colours == choose_colours([None] * count)
    places = seen(colours)
    distances = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1).min(0) + 1000 * np.eye(count)
    assert distances.min() > 25  # ten times the difference that is just noticed


def test_given_colours_stay_and_the_others_are_chosen_beside_them():
    road = (128, 64, 128)
    colours = choose_colours([None, road, None])
    assert colours[1] == road
    assert len({*colours}) == 3
    assert len({*choose_colours([None] * 255)}) == 255


def own_folder(root: Path, label: Image.Image, text: str = THREE) -> Path:
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    Image.new("RGB", label.size).save(root / "images" / "a.png")
    label.save(root / "labels" / "a.png")
    written(root, text)
    return root


def test_a_folder_brings_its_classes_and_ids_are_read_as_they_are(tmp_path):
    ids = np.array([[0, 1, 2, 255]], np.uint8)
    dataset = open_dataset(own_folder(tmp_path, Image.fromarray(ids)), "all")
    assert dataset.taxonomy.names == ("path", "lawn", "house")
    np.testing.assert_array_equal(dataset[0].label, ids)


def test_source_values_and_the_ignored_one_are_mapped(tmp_path):
    text = "ignore: 9\nignored: [8]\nclasses:\n  - {id: 0, name: a, values: [10, 11]}\n"
    text += "  - {id: 1, name: b, values: [0]}\n"
    ids = np.array([[10, 11, 0, 9, 8]], np.uint8)
    folder = own_folder(tmp_path, Image.fromarray(ids), text)
    assert open_dataset(folder, "all")[0].label.tolist() == [[0, 0, 1, 255, 255]]
    Image.fromarray(np.array([[10, 7, 0, 9, 8]], np.uint8)).save(folder / "labels" / "a.png")
    with pytest.raises(Exception, match=r"a\.png: label value 7 is not in the table"):
        open_dataset(folder, "all")[0]


ALL_COLOURED = "classes:\n  - {id: 0, name: a, color: [255, 0, 0]}\n  - {id: 1, name: b, color: [0, 0, 0]}\n"
ALL_COLOURED += "ignored_colors: [[255, 255, 255]]\n"


def test_colour_pictures_are_read_where_all_colours_are_given(tmp_path):
    picture = np.array([[[255, 0, 0], [0, 0, 0], [255, 255, 255]]], np.uint8)
    folder = own_folder(tmp_path, Image.fromarray(picture), ALL_COLOURED)
    assert open_dataset(folder, "all")[0].label.tolist() == [[0, 1, 255]]
    picture[0, 1] = (1, 2, 3)
    Image.fromarray(picture).save(folder / "labels" / "a.png")
    with pytest.raises(DatasetError, match=r"a\.png: colours that are no class of .*: \(1, 2, 3\) on 1 pixels"):
        open_dataset(folder, "all")[0]


def test_palettes_in_another_order_are_read_by_the_sets_colours(tmp_path):
    label = Image.fromarray(np.array([[0, 1]], np.uint8), mode="P")
    label.putpalette([0, 0, 0, 255, 0, 0])
    folder = own_folder(tmp_path, label, ALL_COLOURED)
    assert open_dataset(folder, "all")[0].label.tolist() == [[1, 0]]


def test_without_classes_of_its_own_a_folder_holds_street8():
    assert classes_for(Path("/nowhere"), None).taxonomy == STREET8


def test_known_labels_are_read_in_classes_of_ones_own(tmp_path):
    text = "classes:\n  - {id: 0, name: way, values: {camvid11: [3, 4]}}\n  - {id: 1, name: rest, values: "
    text += "{camvid11: [0, 1, 2, 5, 6, 7, 8, 9, 10]}}\nignored: {camvid11: [11]}\n"
    table = remap("camvid11", class_set(written(tmp_path, text, "ways.yaml")))
    assert [table[v] for v in (3, 4, 0, 11)] == [0, 0, 1, 255]
    with pytest.raises(RemapError, match="cityscapes19 cannot be read as ways, which has no road, sidewalk"):
        remap(class_set("cityscapes19").source, class_set(tmp_path / "ways.yaml"))


def test_a_finer_set_is_read_as_the_one_that_groups_it():
    table = remap(class_set("mapillary").source, class_set("street8"))
    road, curb = (class_set("mapillary").taxonomy.names.index(name) for name in ("road", "curb"))
    assert (table[road], table[curb], table[65]) == (0, 1, 255)
    assert grouping(class_set("cityscapes19").taxonomy, CITYSCAPES7) == tuple(
        REMAPS["cityscapes19"]["cityscapes7"][i] for i in range(19)
    )
    assert grouping(STREET8, CITYSCAPES7) is None  # its background has no category


@pytest.mark.parametrize("name", ["deeplabv3plus", "mask2former", "segformer"])
def test_a_bundled_cards_classes_are_written_as_they_stand(name):
    stored = json.loads((BUNDLED / name / CARD_FILE).read_text(encoding="utf-8"))["taxonomy"]
    assert Taxonomy.model_validate(stored).model_dump(mode="json") == stored
    assert json.loads(Taxonomy.model_validate(stored).model_dump_json()) == stored
    assert class_set("street8").taxonomy.model_dump(mode="json") == stored
