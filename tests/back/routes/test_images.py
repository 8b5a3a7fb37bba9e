"""Pictures of evaluated images over HTTP: only those that a report lists, only where a data set is named."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.loading import Served
from back.main import create_app
from back.runtime.masks.png import encode_gray_png
from tests.api import HEIGHT, PHOTO, WIDTH, Store, serving
from tests.back.test_evaluated_images import camvid, picture

REPORT = {
    "evaluation": {
        "split": "val",
        "per_image": [{"name": n} for n in ("a", "damaged", "missing", "out", "streets", "small")],
    }
}


@pytest.fixture(scope="module")
def pictures(shared_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The API beside a CamVid folder; the report of `segformer` lists four of its images."""
    folder = tmp_path_factory.mktemp("data")
    root = camvid(folder / "camvid")
    for name in ("a", "unlisted"):
        picture(root / "val" / f"{name}.png", 960, 720)
    values = np.zeros((HEIGHT, WIDTH), np.uint8)  # CamVid's 1 is building, 3 road, 4 pavement, 11 void
    for part, value in enumerate((1, 3, 4, 11)):
        values[:, part * WIDTH // 4 :] = value
    for name, label in (("streets", values), ("small", values[:10, :10])):
        (root / "val" / f"{name}.png").write_bytes(PHOTO)
        (root / "valannot").mkdir(exist_ok=True)
        (root / "valannot" / f"{name}.png").write_bytes(encode_gray_png(np.ascontiguousarray(label)))
    (root / "val" / "damaged.png").write_bytes(b"no image")
    (root / "val" / "out.png").symlink_to(picture(folder / "private.png"))
    app = create_app(shared_store.settings(dataset_dir=root, reload_seconds=60))
    with serving(app) as client:
        registry = app.state.services.registry
        served: Served = registry.served["segformer"]
        changed = replace(served, report=REPORT)
        registry.served = {**registry.served, "segformer": changed}
        yield client


def test_a_listed_image_comes_as_a_small_jpeg(pictures: TestClient) -> None:
    answer = pictures.get("/images", params={"model": "segformer", "name": "a"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.content)).size == (480, 360)
    assert pictures.get("/models").json()["pictures"] is True


@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        ("segformer", "unlisted", "lists no image 'unlisted'"),
        ("segformer", "../../etc/passwd", "lists no image"),
        ("segformer", "/etc/passwd", "lists no image"),
        ("segformer", "..", "lists no image"),
        ("deeplabv3plus", "a", "lists no image 'a'"),
        ("segformer", "missing", "holds no picture 'missing' of the split 'val'"),
        ("segformer", "out", "holds no picture 'out'"),
        ("segformer", "damaged", "damaged or too large"),
        ("unet", "a", "no model 'unet'"),
    ],
)
def test_anything_else_is_404_with_the_reason(pictures: TestClient, model: str, name: str, words: str) -> None:
    answer = pictures.get("/images", params={"model": model, "name": name})
    assert answer.status_code == 404
    assert words in answer.json()["detail"]
    assert str(Path.cwd()) not in answer.text


def test_a_listed_image_opens_with_its_label_and_what_the_model_says(pictures: TestClient) -> None:
    asked = {"model": "segformer", "name": "streets"}
    answer = pictures.get("/images/layers", params=asked).json()
    assert (answer["width"], answer["height"], answer["note"]) == (WIDTH, HEIGHT, None)
    photo, truth, said = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(answer[key])))) for key in ("photo", "truth", "prediction")
    )
    assert photo.shape == (HEIGHT, WIDTH, 3)
    labels = np.asarray(Image.open(io.BytesIO(
        pictures.post("/predict?model=segformer&output=classes", files={"image": PHOTO}).content
    )))  # fmt: skip
    assert np.array_equal(said, labels)
    assert set(np.unique(truth)) == {0, 1, 2, 255}, "CamVid's road, pavement, building and void as street8"
    labelled = truth != 255
    assert answer["error_share"] == pytest.approx((truth != labels)[labelled].mean())
    answer = pictures.get("/images/layers", params=asked | {"name": "a"}).json()
    assert (answer["truth"], answer["error_share"], answer["note"]) == (None, None, None), "it has no label"
    answer = pictures.get("/images/layers", params=asked | {"name": "small"}).json()
    assert answer["truth"] is None
    assert answer["note"] == f"the label is 10 x 10 pixels but the photo is {WIDTH} x {HEIGHT}"


@pytest.mark.parametrize("name", ["unlisted", "out", "damaged", "missing", ".."])
def test_no_other_image_opens(pictures: TestClient, name: str) -> None:
    answer = pictures.get("/images/layers", params={"model": "segformer", "name": name})
    assert answer.status_code == 404


def test_without_a_data_set_there_are_no_pictures(api: TestClient) -> None:
    answer = api.get("/images", params={"model": "segformer", "name": "a"})
    assert answer.status_code == 404
    assert "STREETSEG_DATASET_DIR names no data set" in answer.json()["detail"]
    assert api.get("/models").json()["pictures"] is False
