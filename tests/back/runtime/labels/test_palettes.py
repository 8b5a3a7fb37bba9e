"""Palette labels: greys, the colours of known data sets, right ids under another palette, and contradictions."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.labels.colours import orders, voc_colours
from back.runtime.labels.palettes import PaletteError, values_of
from back.runtime.labels.read import LabelFileError, read_label
from back.runtime.taxonomy import CITYSCAPES7, CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS, REMAPS, STREET8
from tests.pngs import PALETTE, png

STREET = [c.color for c in STREET8.classes]
TRAIN_IDS = [c.color for c in CITYSCAPES19.classes]
LABEL_IDS = list(next(o.colours for o in orders() if o.source == "cityscapes_label_ids"))
CAMVID = list(next(o.colours for o in orders() if o.source == "camvid11"))
CATEGORIES = [c.color for c in CITYSCAPES7.classes]
VOC = list(voc_colours())
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# matplotlib's tab10: nobody's classes
TAB10 = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
         (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207)]  # fmt: skip


def read(palette: list[tuple[int, int, int]], source: str = "street8", used: list[int] | None = None) -> list[int]:
    """What the indices are read as, all of the palette's or those that are used."""
    used = list(range(len(palette))) if used is None else used
    values = values_of(used, palette, source)
    return [values[i] for i in used]


@pytest.mark.parametrize(
    ("palette", "source", "used"),
    [
        (STREET, "street8", range(8)),
        (STREET + [BLACK] * 248, "street8", [0, 2, 6, 255]),
        (STREET, "street8", [7]),  # background alone, which is black
        (STREET[:3], "street8", range(3)),
        (VOC, "street8", [0, 1, 3, 7, 255]),
        (VOC[:8], "street8", range(8)),
        (VOC, "camvid11", range(12)),
        (VOC, "cityscapes_label_ids", [0, 7, 8, 11, 26, 33, 255]),
        (TRAIN_IDS + [BLACK] * 237, "street8", [*range(8), 255]),
        (TRAIN_IDS, "cityscapes19", range(19)),
        (TRAIN_IDS, "camvid11", range(12)),
        (LABEL_IDS, "cityscapes_label_ids", range(34)),
        ([*CAMVID, BLACK], "camvid11", range(12)),
        (CATEGORIES, "cityscapes7", range(7)),
        (TAB10[:8], "street8", range(8)),
        (TAB10[:8] + [BLACK] * 248, "street8", [0, 3, 255]),
        ([(9, 9, 9)] * 256, "street8", [3, 5]),
        ([BLACK, (255, 0, 0)], "street8", [0, 1]),  # red is Cityscapes' rider, which is no reason to think so
    ],
)
def test_right_ids_under_any_palette_are_the_ids(
    palette: list[tuple[int, int, int]], source: str, used: list[int]
) -> None:
    assert read(palette, source, list(used)) == list(used)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("street8", [*range(8), 255]),
        ("camvid11", [*range(12)]),
        ("cityscapes19", [*range(19), 255]),
        ("cityscapes_label_ids", [*range(34), 255]),
        ("cityscapes7", [*range(7), 255]),
    ],
)
@given(data=st.data())
def test_a_grey_palette_in_any_order_is_its_greys(source: str, values: list[int], data: st.DataObject) -> None:
    order = data.draw(st.lists(st.sampled_from(values), min_size=1, unique=True))
    assert read([(v, v, v) for v in order], source) == order


@given(st.permutations(range(8)))
def test_our_colours_in_any_order_are_our_ids(order: list[int]) -> None:
    assert read([STREET[i] for i in order]) == order


@given(st.permutations(range(19)))
def test_cityscapes_colours_in_any_order_are_train_ids_or_what_they_become(order: list[int]) -> None:
    palette = [TRAIN_IDS[i] for i in order]
    assert read(palette, "cityscapes19") == order
    assert read(palette, "street8") == [REMAPS["cityscapes19"]["street8"][i] for i in order]
    assert read(palette, "cityscapes7") == [REMAPS["cityscapes19"]["cityscapes7"][i] for i in order]
    assert read(palette, "cityscapes_label_ids") == [CITYSCAPES_TRAIN_LABEL_IDS[i] for i in order]


@given(st.permutations(range(11)))
def test_camvid_colours_in_any_order_are_its_ids_or_what_they_become(order: list[int]) -> None:
    palette = [CAMVID[i] for i in order] + [BLACK]
    assert read(palette, "camvid11") == [*order, 11]
    assert read(palette, "street8") == [REMAPS["camvid11"]["street8"][i] for i in order] + [255]


def test_train_ids_in_files_of_label_ids_are_told_by_their_own_colours() -> None:
    assert read(TRAIN_IDS, "cityscapes_label_ids") == list(CITYSCAPES_TRAIN_LABEL_IDS)


def test_cityscapes_void_colours_keep_their_label_ids() -> None:
    parking, trailer = LABEL_IDS[9], LABEL_IDS[30]
    assert read([parking, TRAIN_IDS[0], trailer, TRAIN_IDS[10]], "cityscapes_label_ids") == [9, 7, 30, 23]
    assert read([parking, TRAIN_IDS[0], trailer, TRAIN_IDS[10]], "street8") == [255, 0, 255, 6]


@given(st.permutations(range(8)))
def test_voc_colours_in_any_order_are_voc_ids(order: list[int]) -> None:
    assert read([VOC[i] for i in order]) == order


@pytest.mark.parametrize("unlabelled", [BLACK, WHITE, (224, 224, 192)])
def test_the_colour_of_no_class_means_no_label(unlabelled: tuple[int, int, int]) -> None:
    palette = [TRAIN_IDS[10], unlabelled, TRAIN_IDS[5], TRAIN_IDS[0]]
    assert read(palette) == [6, 255, 7, 0]
    assert read([CAMVID[3], unlabelled, CAMVID[0]], "camvid11") == [3, 11, 0]


def test_one_colour_alone_is_read_by_what_the_palette_lists() -> None:
    assert read([STREET[6]]) == [6]
    assert read([STREET[6], STREET[0], STREET[2]], used=[0]) == [6]


@pytest.mark.parametrize(
    ("palette", "source", "says"),
    [
        # greys that are spread for the eye, over indices that could be ids
        ([(36 * i,) * 3 for i in range(8)], "street8", "grey with the values 0, 36, 72, .* though its indices 0, 1"),
        # CamVid's classes that data sets merge differently
        ([CAMVID[3], CAMVID[0], (64, 128, 64), CAMVID[1]], "camvid11", "index 2 has the colour of Animal in CamVid"),
        # colours of Cityscapes, but one
        (
            [*TRAIN_IDS[2:8], (1, 2, 3)],
            "street8",
            r"colour of building in Cityscapes .*\(1, 2, 3\) of index 6 is none",
        ),
        # olive, grey and maroon are CamVid's tree, sky and building, and VOC's 3, 7 and 1
        ([BLACK, VOC[3], VOC[7], VOC[1]], "street8", "those of CamVid or of Pascal VOC"),
    ],
)
def test_a_contradiction_is_refused(palette: list[tuple[int, int, int]], source: str, says: str) -> None:
    with pytest.raises(PaletteError, match=says):
        read(palette, source)


def test_a_contradiction_names_the_file_and_what_to_do() -> None:
    data = png(np.array([[0, 1, 2]]), PALETTE, palette=[(36 * i,) * 3 for i in range(8)])
    with pytest.raises(
        LabelFileError, match=r"^a\.png: its palette is grey .*; save the ids as 8-bit grey$"
    ) as caught:
        read_label(data, "street8", "a.png")
    assert caught.value.kind == "palette"


def test_indices_outside_the_table_are_left_to_the_table() -> None:
    assert read(TAB10, "street8") == list(range(10))


def test_an_index_without_a_colour_is_an_index() -> None:
    assert read(TAB10[:4], used=[0, 3, 6]) == [0, 3, 6]


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=8, unique=True))
def test_a_palette_of_chance_colours_never_ends_in_anything_but_a_sentence(
    palette: list[tuple[int, int, int]],
) -> None:
    with contextlib.suppress(PaletteError):
        assert len(read(palette)) == len(palette)
