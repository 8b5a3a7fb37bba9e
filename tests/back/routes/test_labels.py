"""What /labels says of a label file is what /compare reads, in whatever form a PNG holds the ids."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from back.runtime.taxonomy import STREET8
from tests.api import HEIGHT, PHOTO, WIDTH
from tests.pngs import GREY_ALPHA, PALETTE, RGB, png

IDS = [0, 1, 2, 3, 5, 6, 7]
COLOURS = [c.color for c in STREET8.classes]


def label_of(ids: list[int]) -> np.ndarray:
    """Every id, in stripes of a width of its own: uint8 [HEIGHT, WIDTH]."""
    columns = np.repeat(ids, np.arange(1, len(ids) + 1))
    return np.tile(np.resize(columns, WIDTH), (HEIGHT, 1)).astype(np.uint8)


def grey(value: int) -> tuple[int, int, int]:
    return value, value, value


def indices(label: np.ndarray, ids: list[int]) -> np.ndarray:
    """The label by the places of its ids in a list."""
    place = np.zeros(256, np.uint8)
    place[ids] = range(len(ids))
    return place[label]


BACK = IDS[::-1]
FORMS = {
    "1 bit": ([0, 1], png(label_of([0, 1]), depth=1)),
    "2 bits": ([0, 1, 2, 3], png(label_of([0, 1, 2, 3]), depth=2)),
    "2 bits, 0 and 3": ([0, 3], png(label_of([0, 3]), depth=2)),
    "4 bits": (IDS, png(label_of(IDS), depth=4)),
    "8 bits": (IDS, png(label_of(IDS))),
    "16 bits": (IDS, png(label_of(IDS).astype(int), depth=16)),
    "grey palette": (IDS, png(indices(label_of(IDS), BACK), PALETTE, palette=[grey(v) for v in BACK])),
    "grey palette of 4 bits": (IDS, png(indices(label_of(IDS), BACK), PALETTE, 4, [grey(v) for v in BACK])),
    "grey palette of 1 bit": ([2, 6], png(indices(label_of([2, 6]), [6, 2]), PALETTE, 1, [grey(6), grey(2)])),
    "the ids' own colours in another order": (
        IDS,
        png(indices(label_of(IDS), BACK), PALETTE, palette=[COLOURS[v] for v in BACK]),
    ),
    "right ids under strange colours": (IDS, png(label_of(IDS), PALETTE, palette=[(i, 9, 200) for i in range(8)])),
    "equal channels": (IDS, png(np.repeat(label_of(IDS)[..., None].astype(int), 3, 2), RGB)),
    "grey with full opacity": (
        IDS,
        png(np.stack([label_of(IDS).astype(int), np.full((HEIGHT, WIDTH), 255)], 2), GREY_ALPHA),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_values_are_those_that_compare_counts(api: TestClient, form: str) -> None:
    ids, data = FORMS[form]
    compared = api.post(
        "/compare?models=segformer&label_taxonomy=street8", files={"image": PHOTO, "label": data}
    ).json()
    rows = np.array(compared["label"]["models"]["segformer"]["confusion_matrix"]).sum(1)
    assert np.flatnonzero(rows).tolist() == ids
    assert api.post("/labels", files={"label": data}).json()["values"]["street8"] == ids


def test_colours_of_another_data_set_mean_other_ids_there(api: TestClient) -> None:
    sky, building, road = (128, 128, 128), (128, 0, 0), (128, 64, 128)  # CamVid's
    data = png(np.array([[0, 1, 2]]), PALETTE, palette=[building, road, sky])
    values = api.post("/labels", files={"label": data}).json()["values"]
    assert (values["camvid11"], values["street8"]) == ([0, 1, 3], [0, 2, 6])


def test_a_palette_that_contradicts_itself_is_null_where_it_does(api: TestClient) -> None:
    data = png(np.array([range(6)]), PALETTE, palette=[grey(40 * i) for i in range(6)])
    values = api.post("/labels", files={"label": data}).json()["values"]
    assert values["street8"] is None


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"GIF89a", 415, "not a PNG"),
        (png(label_of(IDS))[:-30], 400, "damaged"),
        (png(np.arange(24).reshape(2, 4, 3), RGB), 422, "not colours"),
    ],
)
def test_what_is_no_label_file_is_refused(api: TestClient, data: bytes, status: int, says: str) -> None:
    response = api.post("/labels", files={"label": data})
    assert response.status_code == status
    assert says in response.json()["detail"]
