"""Label files: only kinds that work are offered, the likely one first, and what speaks against it is said."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import REMAPS, TAXONOMIES
from front.photos.label_files import KINDS, LabelFile, doubt, kinds_for, likely_kind
from front.photos.png import SIGNATURE
from tests.front.photos.pngs import chunk


def png(values: list[int], mode: str = "L", **options: object) -> bytes:
    """Values in a row, as a PNG."""
    out = io.BytesIO()
    Image.fromarray(np.array([values], np.uint8)).convert(mode).save(out, "PNG", **options)
    return out.getvalue()


def label(values: list[int], name: str = "label.png") -> LabelFile:
    return LabelFile.of(name, png(values))


def palette_png(values: list[int], palette: list[int]) -> bytes:
    image = Image.fromarray(np.array([values], np.uint8), "P")
    image.putpalette(palette)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


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
    found = label(values, name)
    assert likely_kind(found, kinds_for(["street8"])) == kind
    assert doubt(found, kind, kinds_for(["street8"])) is None


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
    assert re.search(words, str(doubt(label(values), kind, kinds_for(["street8"]))))


@pytest.mark.parametrize(("bits", "values"), [(1, [0, 1]), (2, [0, 3]), (4, [0, 7, 15])])
def test_grey_of_few_bits_has_the_values_that_were_written(bits: int, values: list[int]) -> None:
    packed = sum(value << (8 - bits * (i + 1)) for i, value in enumerate(values[: 8 // bits]))
    row = bytes([0, packed, *([values[2] << 4] if len(values) > 2 else [])])
    head = struct.pack(">IIBBBBB", len(values), 1, bits, 0, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND")
    assert LabelFile.of("label.png", data).values == tuple(values)


def test_a_grey_palette_is_its_grey_values_and_another_its_ids() -> None:
    assert LabelFile.of("a.png", palette_png([0, 1], [7, 7, 7, 11, 11, 11])).values == (7, 11)
    assert LabelFile.of("a.png", palette_png([0, 1], [128, 64, 128, 244, 35, 232])).values == (0, 1)


@pytest.mark.parametrize("data", [b"hello", png([1, 2], "RGB"), png([1, 2])[:45]])
def test_a_file_whose_values_cannot_be_told_is_left_to_the_api(data: bytes) -> None:
    found = LabelFile.of("label.png", data)
    assert found.values == ()
    kinds = kinds_for(["street8"])
    assert doubt(found, likely_kind(found, kinds), kinds) is None
