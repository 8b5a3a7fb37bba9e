"""The doctor on labels that are no grey ids: colour pictures, palettes, 16 bits."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.labels.colours import voc_colours
from back.runtime.taxonomy import CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS, STREET8
from modelisation.doctor.diagnose import diagnose
from tests.modelisation.doctor.planting import change, found, label_of
from tests.pngs import PALETTE, png


def test_colour_picture_of_the_labels(scenes: Path) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[list(CITYSCAPES_TRAIN_LABEL_IDS)] = [c.color for c in CITYSCAPES19.classes]
    change(label_of(scenes), lambda label: colours[label])
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


def test_sixteen_bit_label_is_called_so(scenes: Path) -> None:
    change(label_of(scenes), lambda label: label.astype(np.uint16) * 1000)
    (fault,) = diagnose(scenes)["faults"]
    assert (fault["kind"], Path(fault["path"]).name) == ("label_format", label_of(scenes).name)
    assert re.match(r"16 bits a pixel, values \d+ to \d+000 \(mode I;16\), wanted ids of 0 to 255", fault["detail"])


def test_label_with_transparency_is_no_colour_picture(street8: Path) -> None:
    path = street8 / "train" / "labels" / "scenes_000001_000000.png"
    label = np.asarray(Image.open(path))
    Image.fromarray(np.stack([label, label], 2), "LA").save(path)
    (fault,) = (f for f in diagnose(street8)["faults"] if f["kind"] != "class_missing")
    assert (fault["kind"], Path(fault["path"]).name) == ("label_format", path.name)
    assert fault["detail"].startswith("grey with transparency (mode LA)")


def test_greys_of_a_palette_that_are_spread_for_the_eye_cannot_be_told(street8: Path) -> None:
    path = street8 / "train" / "labels" / "scenes_000001_000000.png"
    label = np.minimum(np.asarray(Image.open(path)), 7)
    path.write_bytes(png(label, PALETTE, palette=[(36 * i,) * 3 for i in range(8)]))
    (fault,) = (f for f in diagnose(street8)["faults"] if f["kind"] != "class_missing")
    assert (fault["kind"], Path(fault["path"]).name) == ("palette_unclear", path.name)
    assert "its palette is grey with the values" in fault["detail"]


STREET_COLOURS = np.array([c.color for c in STREET8.classes], np.uint8)
# CamVid's sky, building, pole, road, sidewalk, tree, sign, fence, car, pedestrian, bicyclist, void.
CAMVID_COLOURS = np.array(
    [
        *[(128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0)],
        *[(192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 0)],
    ],
    np.uint8,
)


def recolour(path: Path, colours: np.ndarray) -> None:
    """What a colour reduction writes: the label in colours, its indices in order of first appearance."""
    label = np.asarray(Image.open(path))
    Image.fromarray(colours[np.minimum(label, len(colours) - 1)]).quantize(16, dither=Image.Dither.NONE).save(path)


@pytest.mark.parametrize(("layout", "colours"), [("street8", STREET_COLOURS), ("camvid", CAMVID_COLOURS)])
def test_palettes_in_and_out_of_the_order_of_the_ids_are_the_same_labels(
    layout: str, colours: np.ndarray, request: pytest.FixtureRequest
) -> None:
    root = request.getfixturevalue(layout)
    labels = sorted(p for p in root.glob("**/*.png") if {"labels", "trainannot", "valannot"} & {p.parent.name})
    for path in labels:
        change(path, lambda label: np.minimum(label, len(colours) - 1))
    before = diagnose(root)
    in_order, recoloured = labels[0], labels[1]
    in_order.write_bytes(png(np.asarray(Image.open(in_order)), PALETTE, palette=colours.tolist()))
    recolour(recoloured, colours)
    assert np.asarray(Image.open(recoloured)).max() < len(colours)
    assert diagnose(root) == before


@pytest.mark.parametrize("palette", [voc_colours(), [tuple(range(i, i + 3)) for i in range(250)]])
def test_right_ids_under_a_foreign_palette_are_no_fault(street8: Path, palette: list[tuple[int, int, int]]) -> None:
    before = diagnose(street8)
    for path in street8.glob("*/labels/*.png"):
        path.write_bytes(png(np.asarray(Image.open(path)), PALETTE, palette=palette))
    assert diagnose(street8) == before


def test_labels_of_two_bits_a_pixel_are_not_scaled(street8: Path) -> None:
    paths = sorted(street8.glob("*/labels/*.png"))
    for path in paths:
        change(path, lambda label: np.minimum(label, 3))
    before = diagnose(street8)
    for path in paths:
        path.write_bytes(png(np.asarray(Image.open(path)), depth=2))
    assert diagnose(street8) == before
