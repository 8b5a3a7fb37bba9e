import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.main import create_app
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import REMAPS, STREET8
from modelisation.evaluation.metrics import scores_of
from tests.api import HEIGHT, LABELS_HW, PHOTO, WIDTH, Store, noise_png, serving
from tests.bundles import png_bytes


def _post(api: TestClient, query: str = "", photo: bytes = PHOTO, label: bytes | None = None):  # type: ignore[no-untyped-def]
    files = {"image": ("photo.png", photo, "image/png")}
    if label is not None:
        files["label"] = ("label.png", label, "image/png")
    return api.post(f"/compare{query}", files=files)


def _labels(image: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image["base64"]))))


def test_every_ready_model_answers_as_predict_does(api: TestClient) -> None:
    body = _post(api).json()
    assert (body["width"], body["height"], body["label"]) == (WIDTH, HEIGHT, None)
    assert [model["model"] for model in body["models"]] == ["deeplabv3plus", "segformer"]
    for model in body["models"]:
        alone = api.post(f"/predict?output=classes&model={model['model']}", files={"image": PHOTO})
        assert base64.b64decode(model["image"]["base64"]) == alone.content
        assert model["timings_ms"]["decode"] == body["decode_ms"]


def test_pair_and_disagreement_map_tell_the_same(api: TestClient) -> None:
    body = _post(api, photo=noise_png(90, 120)).json()  # two score strides label noise differently
    a, b = (_labels(model["image"]) for model in body["models"])
    (pair,) = body["pairs"]
    assert (pair["a"], pair["b"]) == ("deeplabv3plus", "segformer")
    assert pair["confusion_matrix"] == confusion_matrix(a, b, 8).tolist()
    assert pair["pixel_agreement"] == pytest.approx((a == b).mean())
    assert 0 < pair["pixel_agreement"] < 1
    assert np.array_equal(_labels(body["disagreement"]) == 255, a != b)


def test_label_gives_each_models_scores_and_errors(api: TestClient) -> None:
    label = LABELS_HW.copy()
    label[:20], label[20:40] = 255, 3
    body = _post(api, label=png_bytes(label)).json()
    assert np.array_equal(_labels(body["label"]["truth"]["street8"]), label)
    for model in body["models"]:
        predicted, scores = _labels(model["image"]), body["label"]["models"][model["model"]]
        expected = scores_of(confusion_matrix(label, predicted, 8), STREET8)
        assert scores["miou"] == pytest.approx(expected["miou"])
        assert scores["pixel_accuracy"] == pytest.approx(expected["pixel_accuracy"])
        assert scores["class_iou"] == pytest.approx(expected["class_iou"])
        assert np.array_equal(_labels(scores["errors"]) == 255, (predicted != label) & (label != 255))


def test_label_tells_which_of_two_models_is_right_where(api: TestClient) -> None:
    photo = noise_png(90, 120)
    label = np.random.default_rng(3).choice([0, 1, 2, 7, 255], (90, 120)).astype(np.uint8)
    body = _post(api, photo=photo, label=png_bytes(label)).json()
    a, b = (_labels(model["image"]) == label for model in body["models"])
    (pair,) = body["label"]["pairs"]
    expected = np.where(a & b, 0, np.where(a, 1, np.where(b, 2, 3)))
    expected[label == 255] = 4
    assert np.array_equal(_labels(pair["outcome"]), expected)
    counts = [pair[key] for key in ("both_right", "only_a", "only_b", "both_wrong")]
    assert counts == [int((expected == value).sum()) for value in range(4)]
    assert all(counts)
    assert (pair["a"], pair["b"]) == ("deeplabv3plus", "segformer")


def test_label_taxonomy_is_remapped(api: TestClient) -> None:
    camvid_sky = np.zeros((HEIGHT, WIDTH), np.uint8)
    scores = _post(api, "?label_taxonomy=camvid11&models=segformer", label=png_bytes(camvid_sky)).json()["label"]
    matrix = np.array(scores["models"]["segformer"]["confusion_matrix"])
    assert matrix.sum(1).tolist() == [0, 0, 0, 0, 0, 0, HEIGHT * WIDTH, 0]


def test_one_model_has_nothing_to_disagree_with(api: TestClient) -> None:
    body = _post(api, "?models=segformer").json()
    assert (len(body["models"]), body["pairs"], body["disagreement"]) == (1, [], None)


def test_two_versions_of_one_model_are_told_apart(api: TestClient) -> None:
    body = _post(api, "?models=segformer@champion,segformer@candidate&output=mask").json()
    assert [(pair["a"], pair["b"]) for pair in body["pairs"]] == [("segformer/1", "segformer/2")]
    assert _labels(body["models"][0]["image"]).shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("?models=segformer,unet", 404, "no model 'unet'"),
        ("?models=,", 422, "is empty"),
        ("?models=" + ",".join(f"m{i}" for i in range(9)), 422, "At most 8"),
        ("?output=overlay", 422, "'mask' or 'classes'"),
        ("?label_taxonomy=nope", 422, "no remap nope"),
    ],
)
def test_wrong_query_says_what_to_do(api: TestClient, query: str, status: int, says: str) -> None:
    response = _post(api, query, label=png_bytes(LABELS_HW))
    assert response.status_code == status
    assert says in response.json()["detail"]


def test_label_of_another_size_is_422(api: TestClient) -> None:
    response = _post(api, label=png_bytes(LABELS_HW[:-1]))
    assert response.status_code == 422
    assert f"{WIDTH} x {HEIGHT - 1} pixels but the photo is {WIDTH} x {HEIGHT}" in response.json()["detail"]


def test_models_of_two_class_sets_are_counted_in_the_coarser(store: Store) -> None:
    store.add("eight", classes=8)
    store.add("nineteen", classes=19)
    with serving(create_app(store.settings())) as client:
        body = _post(client, "?label_taxonomy=cityscapes19", label=png_bytes(LABELS_HW)).json()
    scores = body["label"]["models"]
    assert {name: score["taxonomy"] for name, score in scores.items()} == {
        "eight": "street8",
        "nineteen": "cityscapes19",
    }
    assert {score["counted"]["taxonomy"] for score in scores.values()} == {"street8"}
    assert scores["eight"]["counted"]["miou"] == scores["eight"]["miou"]
    eight, nineteen = (_labels(model["image"]) for model in body["models"])
    table = np.array([REMAPS["cityscapes19"]["street8"][i] for i in range(19)], np.uint8)
    expected = scores_of(confusion_matrix(table[LABELS_HW], table[nineteen], 8), STREET8)
    assert scores["nineteen"]["counted"]["class_iou"] == pytest.approx(expected["class_iou"])
    (pair,) = body["pairs"]
    assert pair["pixel_agreement"] == pytest.approx((eight == table[nineteen]).mean())
    assert pair["counted_in"] == "street8"
