"""The three layouts: what is read, and what is said when something is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.labels.colours import voc_colours
from back.runtime.scores.bootstrap import block_of
from back.runtime.taxonomy import LabelValueError, apply_remap, remap_for
from modelisation.data.base import DatasetError
from modelisation.data.folder import describe
from modelisation.data.open import open_dataset
from modelisation.scenes.writer import write_scenes
from tests.pngs import PALETTE, RGB, png

CAMVID = Path(__file__).resolve().parents[4] / "shared" / "camvid"
needs_camvid = pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not beside the project (../shared/camvid)")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, {"train": 2, "val": 1}, 64, 128, 3, None)
    return root


def camvid_folder(root: Path, names: tuple[str, ...] = ("0001TP_000001", "0006R0_f00930")) -> Path:
    for folder in ("train", "trainannot"):
        (root / folder).mkdir(parents=True)
    for i, name in enumerate(names):
        Image.new("RGB", (12, 8), (i, 2, 3)).save(root / "train" / f"{name}.png")
        Image.fromarray(np.full((8, 12), i, np.uint8)).save(root / "trainannot" / f"{name}.png")
    return root


def test_cityscapes_layout_gives_rgb_and_train_ids(scenes):
    dataset = open_dataset(scenes, "train", "cityscapes19")
    sample = dataset[0]
    raw = np.asarray(Image.open(dataset.items[0].label))
    assert sample.image.shape == (64, 128, 3)
    assert sample.image.dtype == sample.label.dtype == np.uint8
    np.testing.assert_array_equal(sample.label, apply_remap(raw, remap_for("cityscapes_label_ids", "cityscapes19")))


def test_coarse_labels_are_used_where_there_are_no_fine_ones(scenes, tmp_path):
    for label in scenes.glob("gtFine/train/*/*labelIds.png"):
        target = tmp_path / "gtCoarse" / "train" / label.parent.name / label.name.replace("gtFine", "gtCoarse")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(label.read_bytes())
    (tmp_path / "leftImg8bit").symlink_to(scenes / "leftImg8bit")
    coarse = open_dataset(tmp_path, "train")
    np.testing.assert_array_equal(coarse[0].label, open_dataset(scenes, "train")[0].label)


def test_camvid_layout_maps_its_eleven_classes(tmp_path):
    dataset = open_dataset(camvid_folder(tmp_path), "train")
    assert [int(s.label[0, 0]) for s in dataset] == [6, 2]
    assert [i.sequence for i in dataset.items] == ["0001TP", "0006R0"]


def test_dev_holds_out_a_whole_clip(tmp_path):
    root = camvid_folder(tmp_path)
    assert open_dataset(root, "dev").names == ("0006R0_f00930",)
    assert open_dataset(root, "devtrain").names == ("0001TP_000001",)


def test_a_folder_without_a_frame_of_dev_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no picture of the split dev; camvid_dev\.txt lists dev's"):
        open_dataset(camvid_folder(tmp_path, ("0001TP_000001",)), "dev")


@needs_camvid
def test_dev_is_the_clip_0006r0_and_devtrain_the_rest_of_train():
    train, dev, devtrain = (open_dataset(CAMVID, split) for split in ("train", "dev", "devtrain"))
    assert dev.names == tuple(item.name for item in train.items if item.sequence == "0006R0")
    assert sorted(dev.names + devtrain.names) == sorted(train.names)


@needs_camvid
def test_camvid_has_367_train_and_101_val_pictures():
    train, val = open_dataset(CAMVID, "train"), open_dataset(CAMVID, "val")
    assert (len(train), len(val)) == (367, 101)
    assert train[0].image.shape == (360, 480, 3)
    assert set(np.unique(train[0].label)) <= {*range(8), 255}


def test_plain_folder_reads_its_source_from_dataset_json(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (6, 4)).save(tmp_path / "images" / "a.jpg")
    Image.fromarray(np.full((4, 6), 26, np.uint8)).save(tmp_path / "labels" / "a.png")
    (tmp_path / "dataset.json").write_text(
        json.dumps({"source": "cityscapes_label_ids", "licence": "mine"}), encoding="utf-8"
    )
    dataset = open_dataset(tmp_path, "all")
    assert dataset[0].label.tolist() == [[3] * 6] * 4
    assert dataset.licence == "mine"


def plain_folder(root: Path, stems: tuple[str, ...]) -> Path:
    for kind, mode in (("images", "RGB"), ("labels", "L")):
        (root / kind).mkdir(parents=True)
        for stem in stems:
            Image.new(mode, (6, 4)).save(root / kind / f"{stem}.png")
    return root


def test_frames_of_a_plain_folder_belong_to_the_clip_that_their_name_tells(tmp_path):
    stems = ("0001", "0002", "9_hill", "cam2_0007_left", "cam2_0008_left", "hill-1", "portrait")
    clips = [item.sequence for item in open_dataset(plain_folder(tmp_path, stems), "all").items]
    assert clips == ["", "", "hill", "cam2_left", "cam2_left", "hill", "portrait"]


def test_frames_of_a_plain_folder_form_contiguous_blocks(tmp_path):
    stems = tuple(f"{clip}_{frame:04d}" for clip in ("a", "b") for frame in range(0, 600, 100))
    dataset = open_dataset(plain_folder(tmp_path, stems), "all")
    blocks = block_of([{"name": item.name, "sequence": item.sequence} for item in dataset.items], block_frames=300)
    assert blocks == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_the_split_hash_depends_on_the_names_alone(tmp_path):
    one = open_dataset(camvid_folder(tmp_path / "one"), "train")
    two = open_dataset(camvid_folder(tmp_path / "two"), "train")
    three = open_dataset(camvid_folder(tmp_path / "three", ("0001TP_000001",)), "train")
    assert one.split_sha256 == two.split_sha256 != three.split_sha256


def test_an_unknown_label_value_names_the_file_and_the_value(tmp_path):
    root = camvid_folder(tmp_path)
    Image.fromarray(np.full((8, 12), 77, np.uint8)).save(root / "trainannot" / "0001TP_000001.png")
    with pytest.raises(LabelValueError, match=r"0001TP_000001\.png: label value 77 "):
        open_dataset(root, "train")[0]


def test_a_colour_picture_instead_of_ids_is_named(tmp_path):
    root = camvid_folder(tmp_path)
    Image.new("RGB", (12, 8)).save(root / "trainannot" / "0001TP_000001.png")
    with pytest.raises(DatasetError, match="mode RGB, wanted one channel of ids"):
        open_dataset(root, "train")[0]


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("16-bit grey", lambda label: png(label, depth=16)),
        ("4-bit grey", lambda label: png(label, depth=4)),
        ("palette of greys", lambda label: png(11 - label, PALETTE, palette=[(11 - i,) * 3 for i in range(12)])),
        ("palette of 4 bits", lambda label: png(label, PALETTE, 4, palette=voc_colours()[:16])),
        ("right ids under VOC's palette", lambda label: png(label, PALETTE, palette=voc_colours())),
        ("equal channels", lambda label: png(np.repeat(label[..., None], 3, 2), RGB)),
    ],
)
def test_a_label_means_the_same_in_every_form(tmp_path, form, file):
    root = camvid_folder(tmp_path)
    label = np.random.default_rng(0).integers(0, 12, (8, 12))
    path = root / "trainannot" / "0001TP_000001.png"
    path.write_bytes(png(label))
    plain = open_dataset(root, "train")[0].label
    path.write_bytes(file(label))
    np.testing.assert_array_equal(open_dataset(root, "train")[0].label, plain, form)


def test_a_label_whose_ids_cannot_be_told_is_named(tmp_path):
    root = camvid_folder(tmp_path)
    spread = png(np.arange(96).reshape(8, 12) % 12, PALETTE, palette=[(20 * i,) * 3 for i in range(12)])
    (root / "trainannot" / "0001TP_000001.png").write_bytes(spread)
    with pytest.raises(DatasetError, match=r"0001TP_000001\.png: its palette is grey .*save the ids as 8-bit grey"):
        open_dataset(root, "train")[0]


def test_a_size_mismatch_names_both_sizes(tmp_path):
    root = camvid_folder(tmp_path)
    Image.new("L", (5, 5)).save(root / "trainannot" / "0001TP_000001.png")
    with pytest.raises(DatasetError, match=r"label is 5x5 but 0001TP_000001\.png is 12x8"):
        open_dataset(root, "train")[0]


@pytest.mark.parametrize("broken", ["train", "trainannot"])
def test_a_truncated_file_is_named(tmp_path, broken):
    root = camvid_folder(tmp_path)
    path = root / broken / "0001TP_000001.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"0001TP_000001\.png: not a readable"):
        open_dataset(root, "train")[0]


def test_a_missing_label_is_named(tmp_path):
    root = camvid_folder(tmp_path)
    (root / "trainannot" / "0001TP_000001.png").unlink()
    with pytest.raises(DatasetError, match="no such file; every picture of the split needs a label"):
        open_dataset(root, "train")[0]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.mkdir(), "not a data set; wanted Cityscapes"),
        (lambda root: (root / "leftImg8bit" / "train").mkdir(parents=True), "no such split; there are: train"),
        (lambda root: camvid_folder(root), "no such folder; CamVid in the SegNet layout"),
    ],
)
def test_a_folder_that_cannot_be_used_is_explained(tmp_path, prepare, message):
    prepare(tmp_path / "data")
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "data", "val")


def test_a_picture_is_turned_as_its_exif_data_say(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (6, 4)).save(tmp_path / "images" / "a.jpg", exif=exif)
    Image.new("L", (4, 6)).save(tmp_path / "labels" / "a.png")
    assert open_dataset(tmp_path, "all")[0].image.shape == (6, 4, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "wanted"),
        ('"street8"', "wanted"),
        ("[" * 100_000, "wanted"),
        ("{}", r"wanted .* \(no source\)"),
        ('{"source": []}', "wanted .*, both in quotes"),
        ('{"source": null}', "wanted .*, both in quotes"),
        ('{"source": "street8", "licence": 5}', "wanted .*, both in quotes"),
        ('{"source": "mine"}', "unknown source 'mine'; known: "),
    ],
)
def test_a_description_that_is_none_is_a_sentence(tmp_path, text, says):
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=rf"dataset\.json: {says}"):
        describe(tmp_path)


def test_a_description_saved_by_windows_editors_is_read(tmp_path):
    (tmp_path / "dataset.json").write_bytes(b'\xef\xbb\xbf{"source": "camvid11",\r\n"licence": "mine"}\r\n')
    assert describe(tmp_path) == ("camvid11", "mine")
