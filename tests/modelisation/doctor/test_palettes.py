"""The doctor on labels that are no grey ids: colour pictures, palettes, 16 bits."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from back.runtime.taxonomy import CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS, STREET8
from modelisation.doctor.diagnose import diagnose
from tests.modelisation.doctor.planting import change, found, label_of


def test_colour_picture_of_the_labels(scenes: Path) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[list(CITYSCAPES_TRAIN_LABEL_IDS)] = [c.color for c in CITYSCAPES19.classes]
    change(label_of(scenes), lambda label: colours[label])
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


def test_sixteen_bit_label_is_called_so(scenes: Path) -> None:
    change(label_of(scenes), lambda label: label.astype(np.uint16) * 1000)
    (fault,) = diagnose(scenes)["faults"]
    assert (fault["kind"], Path(fault["path"]).name) == ("label_format", label_of(scenes).name)
    assert re.fullmatch(r"16 bits a pixel, values \d+ to \d+000 \(mode I;16\)", fault["detail"])


def test_one_bit_label_and_label_with_transparency_are_no_colours(street8: Path) -> None:
    bits, grey = (street8 / "train" / "labels" / f"scenes_00000{n}_000000.png" for n in (0, 1))
    Image.open(bits).convert("1").save(bits)
    Image.open(grey).convert("LA").save(grey)
    faults = [f for f in diagnose(street8)["faults"] if f["kind"] != "class_missing"]
    assert [(f["kind"], Path(f["path"]).name, f["detail"]) for f in faults] == [
        ("label_format", bits.name, "1 bit a pixel (mode 1)"),
        ("label_format", grey.name, "grey with transparency (mode LA)"),
    ]


def test_palette_in_another_order_than_the_ids_is_a_trap_and_in_order_is_none(street8: Path) -> None:
    good, bad = (street8 / "train" / "labels" / f"scenes_00000{n}_000000.png" for n in (0, 1))
    # All 256 entries: with fewer, Pillow stores fewer bits a pixel and 255 becomes 15.
    palette = [channel for c in STREET8.classes for channel in c.color] + [0] * 3 * 248
    label = Image.open(good)
    label.putpalette(palette)
    label.save(good)
    # What a colour reduction writes: indices in order of first appearance.
    colours = np.array([c.color for c in STREET8.classes] + [(0, 0, 0)] * 248, np.uint8)
    picture = Image.fromarray(colours[np.asarray(Image.open(bad))])
    picture.quantize(16, dither=Image.Dither.NONE).save(bad)
    assert found(street8) == [("palette_trap", bad.name)]


# CamVid's sky, building, pole, road, sidewalk, tree, sign, fence, car, pedestrian, bicyclist, void.
CAMVID_COLOURS = np.array(
    [
        *[(128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0)],
        *[(192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 0)],
    ],
    np.uint8,
)


def test_camvid_palette_in_another_order_than_the_ids_is_a_trap_and_in_order_is_none(camvid: Path) -> None:
    good, bad = (camvid / "trainannot" / f"scenes00000{n}_000000.png" for n in (0, 1))
    label = Image.open(good)
    label.putpalette(CAMVID_COLOURS.ravel().tolist() + [0] * 3 * 244)
    label.save(good)
    picture = Image.fromarray(CAMVID_COLOURS[np.asarray(Image.open(bad))])
    picture.quantize(16, dither=Image.Dither.NONE).save(bad)
    (fault,) = (f for f in diagnose(camvid)["faults"] if f["kind"] != "class_missing")
    assert (fault["kind"], Path(fault["path"]).name) == ("palette_trap", bad.name)
    assert "CamVid's colour of" in fault["detail"]
