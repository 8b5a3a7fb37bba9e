"""The doctor on labels that are no grey ids: colour pictures, palettes, 16 bits."""

from pathlib import Path

import numpy as np
from PIL import Image

from modelisation.taxonomy import CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS, STREET8
from tests.modelisation.doctor.planting import change, found, label_of


def test_colour_picture_of_the_labels(scenes: Path) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[list(CITYSCAPES_TRAIN_LABEL_IDS)] = [c.color for c in CITYSCAPES19.classes]
    change(label_of(scenes), lambda label: colours[label])
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


def test_sixteen_bit_label(scenes: Path) -> None:
    change(label_of(scenes), lambda label: label.astype(np.uint16))
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


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
