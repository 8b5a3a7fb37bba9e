"""Exports of labelling tools: read as they lie and converted, every one gives the same labels."""

import json

import numpy as np
import pytest
from PIL import Image

from modelisation.__main__ import main
from modelisation.data.base import DatasetError
from modelisation.data.formats.table import format_of
from modelisation.data.open import open_dataset
from tests.modelisation.data.formats import made


@pytest.mark.parametrize("maker", made.MAKERS)
def test_an_export_is_read_as_it_lies(maker, tmp_path):
    made.MAKERS[maker](tmp_path / "export")
    dataset = open_dataset(tmp_path / "export", "all")
    assert dataset.names == ("a_0", "b_1")
    for index in range(2):
        names = np.array([*dataset.taxonomy.names, *[""] * 256])[:256]
        expected = np.array([*made.NAMES, *[""] * 256])[:256]
        np.testing.assert_array_equal(names[dataset[index].label], expected[made.truth(index)])


@pytest.mark.parametrize("maker", made.MAKERS)
def test_a_converted_export_is_sound_and_the_same(maker, tmp_path, capsys):
    made.MAKERS[maker](tmp_path / "export")
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "export"), "--out", str(out)]) == 0
    assert "of the pixels carry no label and are ignored" in capsys.readouterr().out
    before, after = open_dataset(tmp_path / "export", "all"), None
    split = "train" if (out / "train").is_dir() else "all"
    after = open_dataset(out, split)
    assert after.taxonomy.names == before.taxonomy.names
    np.testing.assert_array_equal(after[0].label, before[0].label)
    np.testing.assert_array_equal(after[0].image, before[0].image)
    assert main(["doctor", str(out)]) == 0, capsys.readouterr().out
    assert main(["convert", str(tmp_path / "export"), "--out", str(out)]) == 0  # ours, so it may be written again


@pytest.mark.parametrize("maker", made.MAKERS)
def test_the_doctor_names_the_format_and_the_command(maker, tmp_path, capsys):
    made.MAKERS[maker](tmp_path / "export")
    assert main(["doctor", str(tmp_path / "export")]) == 2
    said = capsys.readouterr().err
    assert format_of(tmp_path / "export").TITLE in said
    assert f"python -m modelisation convert {tmp_path / 'export'} --out DIR" in said


def test_unknown_names_are_listed_with_their_counts_until_maps_settle_them(tmp_path, capsys):
    made.labelme(tmp_path / "export")
    arguments = ["convert", str(tmp_path / "export"), "--out", str(tmp_path / "out"), "--classes", "street8"]
    path = tmp_path / "export" / "a_0.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"sky"', '"clouds"'), encoding="utf-8")
    assert main(arguments) == 2
    pixels = int((made.truth(0) == made.NAMES.index("sky")).sum())
    assert f"no class of street8 for clouds ({pixels} pixels)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(
        DatasetError, match=r'no class of street8 for clouds; convert it with: .*--map "clouds=CLASS"'
    ):
        open_dataset(tmp_path / "export", "all", "street8")
    assert main([*arguments, "--map", "clouds=sky", "--map", "unlabelled=background"]) == 0
    said = capsys.readouterr().out
    assert "clouds" in said
    assert "carry no label" not in said
    label = open_dataset(tmp_path / "out", "all")[0].label
    assert {int(v) for v in np.unique(label)} == {0, 3, 6, 7}


def test_unknown_colours_are_listed(tmp_path, capsys):
    made.mask_suffix(tmp_path / "export")
    (tmp_path / "export" / "class_dict.csv").write_text("name,r,g,b\nroad,128,64,128\nsky,70,130,180\n")
    arguments = ["convert", str(tmp_path / "export"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "rgb(0, 0, 142) (128 pixels)" in error
    assert "rgb(0, 0, 0) (24 pixels)" in error
    assert main([*arguments, "--map", "rgb(0, 0, 142)=car", "--map", "rgb(0, 0, 0)=ignore"]) == 0
    assert open_dataset(tmp_path / "out", "all").taxonomy.names == ("road", "sky", "car")


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        (["clouds"], "wanted name=class"),
        (["sky=heaven"], "street8 has no such class"),
        (["sky=sky", "sky=road"], "sky is mapped to sky already"),
        (["moon=sky"], "the labels hold no such name"),
    ],
)
def test_a_map_that_says_nothing_is_refused(maps, said, tmp_path, capsys):
    made.coco(tmp_path / "export")
    options = [option for one in maps for option in ("--map", one)]
    arguments = ["convert", str(tmp_path / "export"), "--out", str(tmp_path / "out"), "--classes", "street8"]
    assert main([*arguments, *options]) == 2
    assert said in capsys.readouterr().err


def test_a_users_file_is_never_written_over(tmp_path, capsys):
    made.coco(tmp_path / "export")
    out = tmp_path / "out"
    out.mkdir()
    (out / "classes.yaml").write_text("mine", encoding="utf-8")
    assert main(["convert", str(tmp_path / "export"), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["classes.yaml"]
    assert main(["convert", str(tmp_path / "export"), "--out", str(tmp_path)]) == 2


def test_a_split_of_the_export_stays(tmp_path):
    made.roboflow(tmp_path / "export")
    assert open_dataset(tmp_path / "export", "val").names == ("b_1",)
    with pytest.raises(DatasetError, match="no split test; there are: train, val, all"):
        open_dataset(tmp_path / "export", "test")


def test_pascal_voc_without_a_labelmap_has_its_twenty_classes(tmp_path):
    ids = np.array([[0, 7, 15, 255]], np.uint8)
    made.save_ids(tmp_path / "SegmentationClass" / "a.png", ids, palette=[9, 9, 9] * 256)
    Image.new("RGB", (4, 1)).save(tmp_path / "SegmentationClass" / "x.png.tmp", "PNG")
    (tmp_path / "JPEGImages").mkdir()
    Image.new("RGB", (4, 1)).save(tmp_path / "JPEGImages" / "a.png")
    dataset = open_dataset(tmp_path, "all")
    assert [dataset.taxonomy.names[i] for i in dataset[0].label[0, :3]] == ["background", "car", "person"]
    assert dataset[0].label[0, 3] == 255


def test_damage_is_named(tmp_path):
    made.coco(tmp_path / "export", "compressed")
    path = tmp_path / "export" / "annotations" / "instances_default.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["annotations"][0]["segmentation"]["counts"] = "0"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"annotation 0: run lengths of 0 pixels do not fit a picture of 32x24"):
        open_dataset(tmp_path / "export", "all")[0]
    del content["annotations"][0]["segmentation"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match="annotation 0: has no segmentation, only a box"):
        open_dataset(tmp_path / "export", "all")[0]


def test_a_shape_that_covers_no_area_is_named(tmp_path):
    made.labelme(tmp_path / "export")
    path = tmp_path / "export" / "a_0.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["shapes"][0] |= {"shape_type": "linestrip"}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a_0\.json: the shape 'sky' is a linestrip"):
        open_dataset(tmp_path / "export", "all")[0]


def test_what_has_no_picture_or_label_is_said(tmp_path, capsys):
    made.coco(tmp_path / "export")
    (tmp_path / "export" / "images" / "b_1.jpg").unlink()
    assert main(["convert", str(tmp_path / "export"), "--out", str(tmp_path / "out")]) == 0
    assert "picture of the JSON that is not there, left out: 1: b_1.jpg" in capsys.readouterr().out


def test_a_folder_in_no_format_says_which_are_known(tmp_path, capsys):
    assert main(["convert", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "in no format that is known (Mapillary Vistas, BDD100K, IDD" in capsys.readouterr().err
    assert format_of(tmp_path) is None


def test_names_of_streets_are_known_and_others_are_not(tmp_path):
    made.labelme(tmp_path / "export")
    path = tmp_path / "export" / "a_0.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"car"', '"Motorbike"'), encoding="utf-8")
    dataset = open_dataset(tmp_path / "export", "all", "street8")
    assert 3 in np.unique(dataset[0].label)
    path.write_text(path.read_text(encoding="utf-8").replace("Motorbike", "thing"), encoding="utf-8")
    with pytest.raises(DatasetError, match="no class of cityscapes7 for thing"):
        open_dataset(tmp_path / "export", "all", "cityscapes7")
