import base64
import io
import json
import re

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.runtime.taxonomy import STREET8
from modelisation.data.formats.shapes import fill, from_rle
from tests.api import HEIGHT, LABELS_HW, PHOTO, WIDTH, Store
from tests.bundles import paint


def _post(api: TestClient, query: str = "", data: bytes = PHOTO, **kwargs: object):  # type: ignore[no-untyped-def]
    return api.post(f"/predict{query}", files={"image": ("photo.png", data, "image/png")}, **kwargs)


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_mask_is_a_palette_png_in_the_classes_colours(api: TestClient) -> None:
    response = _post(api)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    mask = _open(response.content)
    assert (mask.mode, mask.size) == ("P", (WIDTH, HEIGHT))
    assert np.array_equal(np.asarray(mask.convert("RGB")), paint(np.asarray(mask), STREET8))
    assert (np.asarray(mask) == LABELS_HW).mean() > 0.95  # the rest lies between two stripes


def test_classes_are_ids_in_a_grey_png(api: TestClient) -> None:
    classes = _open(_post(api, "?output=classes").content)
    assert classes.mode == "L"
    assert (np.asarray(classes) == LABELS_HW).mean() > 0.95  # the rest lies between two stripes


def test_confidence_is_a_16_bit_png_and_says_whether_it_is_calibrated(api: TestClient) -> None:
    response = _post(api, "?output=confidence")
    confidence = _open(response.content)
    assert (confidence.mode, confidence.size) == ("I;16", (WIDTH, HEIGHT))
    values = np.asarray(confidence)
    assert values.min() >= 65535 // len(STREET8.classes)  # the winner of eight has at least an eighth
    assert (response.headers["x-temperature"], response.headers["x-calibrated"]) == ("1", "false")
    assert "confidence;dur=" in response.headers["server-timing"]
    body = _post(api, "?output=confidence&format=json").json()
    assert base64.b64decode(body["image"]["base64"]) == response.content
    assert body["image"]["output"] == "confidence"
    assert sum(body["class_shares"].values()) == pytest.approx(1)
    entry = api.get("/models").json()["models"][0]
    assert (entry["temperature"], entry["calibration"]) == (1.0, None)
    assert "x-temperature" not in _post(api).headers


def test_a_photo_unlike_the_training_streets_is_called_so_where_the_card_can_tell(api: TestClient) -> None:
    headers = _post(api, "?model=segformer@candidate").headers
    assert headers["x-unfamiliar"] == "true", "its card calls everything so"
    body = _post(api, "?model=segformer@candidate&format=json").json()
    assert body["unfamiliar"] is True
    assert f"{body['familiarity']:.2f}" == headers["x-familiarity"]
    assert "x-familiarity" not in _post(api, "?model=segformer").headers
    silent = api.post("/compare?models=segformer", files={"image": ("photo.png", PHOTO, "image/png")}).json()
    assert (silent["models"][0]["familiarity"], silent["models"][0]["unfamiliar"]) == (None, None)
    card = api.get("/models/segformer@candidate").json()["familiarity"]
    assert (card["set_on"], card["noticed"]) == ("36 rendered scenes", {"noise": 1.0})


@pytest.mark.parametrize(("opacity", "shows"), [(0, "photo"), (1, "colours")])
def test_overlay_blends_by_opacity(api: TestClient, opacity: float, shows: str) -> None:
    dark = np.asarray(_open(PHOTO).convert("RGB")) // 2 + 20
    buffer = io.BytesIO()
    Image.fromarray(dark).save(buffer, "PNG")
    overlay = _open(_post(api, f"?output=overlay&opacity={opacity}", buffer.getvalue()).content)
    assert overlay.mode == "RGB"
    classes = np.asarray(_open(_post(api, "?output=classes", buffer.getvalue()).content))
    assert np.array_equal(np.asarray(overlay), dark if shows == "photo" else paint(classes, STREET8))


def test_an_overlay_shows_every_pixel_of_a_large_jpeg(api: TestClient) -> None:
    photo = Image.effect_noise((1600, 1200), 60).convert("RGB")
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=95)
    overlay = _open(_post(api, "?output=overlay&opacity=0", buffer.getvalue()).content)
    assert np.array_equal(np.asarray(overlay), np.asarray(_open(buffer.getvalue())))


def test_headers_say_who_answered_and_how_long_each_stage_took(api: TestClient) -> None:
    headers = _post(api, "?model=segformer").headers
    assert (headers["x-model"], headers["x-model-version"]) == ("segformer", "1")
    assert re.fullmatch("[0-9a-f]{64}", headers["x-model-sha256"])
    stages = re.findall(r"(\w+);dur=([\d.]+)", headers["server-timing"])
    assert [name for name, _ in stages] == ["decode", "resize", "infer", "argmax", "encode"]
    assert all(float(duration) >= 0 for _, duration in stages)


def test_json_carries_the_same_png_and_the_share_of_each_class(api: TestClient) -> None:
    png = _post(api, "?model=segformer&output=classes")
    answer = _post(api, "?model=segformer&output=classes&format=json")
    body = answer.json()
    assert base64.b64decode(body["image"]["base64"]) == png.content
    assert (body["image"]["output"], body["image"]["media_type"]) == ("classes", "image/png")
    assert (body["model"], body["version"], body["width"], body["height"]) == ("segformer", "1", WIDTH, HEIGHT)
    assert body["sha256"] == png.headers["x-model-sha256"]
    ids = np.asarray(_open(png.content))
    assert body["class_shares"] == {c.name: pytest.approx((ids == c.id).mean()) for c in STREET8.classes}
    stages = body["timings_ms"]
    assert set(stages) == {"decode", "resize", "infer", "argmax", "encode", "total"}
    assert stages["total"] >= sum(value for name, value in stages.items() if name != "total") * 0.99


def test_photo_with_exif_rotation_gives_an_upright_mask(api: TestClient) -> None:
    photo, exif, buffer = Image.new("RGB", (60, 40), (70, 130, 180)), Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    photo.save(buffer, "JPEG", exif=exif)
    assert _open(_post(api, data=buffer.getvalue()).content).size == (40, 60)


@pytest.mark.parametrize(
    ("spec", "version"),
    [("segformer", "1"), ("segformer@champion", "1"), ("segformer@candidate", "2"), ("segformer/2", "2")],
)
def test_name_alias_and_version_pick_a_model(api: TestClient, spec: str, version: str) -> None:
    headers = _post(api, f"?model={spec}").headers
    assert (headers["x-model"], headers["x-model-version"]) == ("segformer", version)


def test_default_model_is_the_setting(shared_store: Store) -> None:
    from back.main import create_app
    from tests.api import serving

    with serving(create_app(shared_store.settings(default_model="segformer@candidate"))) as client:
        assert _post(client).headers["x-model-version"] == "2"
        assert client.get("/models").json()["default"] == "segformer@candidate"


@pytest.mark.parametrize(
    "spec", ["unet", "segformer@prod", "segformer/99", "a/b/c", "@", "/", "segformer@", "%00", "é" * 9]
)
def test_unknown_model_is_404_and_lists_what_there_is(api: TestClient, spec: str) -> None:
    response = _post(api, f"?model={spec}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert "segformer" in response.json()["detail"]


def test_a_cut_out_holds_the_named_classes_and_nothing_of_the_rest(api: TestClient) -> None:
    classes = np.asarray(_open(_post(api, "?output=classes").content))
    for named in ("vehicle, sky", "3,6"):
        picture = _open(_post(api, f"?output=cutout&class={named}").content)
        assert (picture.mode, picture.size) == ("RGBA", (WIDTH, HEIGHT))
        kept = np.isin(classes, (3, 6))
        shown = np.asarray(_open(PHOTO).convert("RGB"))
        assert np.array_equal(np.asarray(picture)[:, :, 3], np.where(kept, 255, 0))
        assert np.array_equal(np.asarray(picture)[:, :, :3], np.where(kept[:, :, None], shown, 0))


def test_files_for_labelling_tools_give_the_classes_again(api: TestClient) -> None:
    classes = np.asarray(_open(_post(api, "?output=classes").content))
    files = {form: _post(api, f"?format={form}") for form in ("coco", "polygons", "geojson")}
    assert files["geojson"].headers["content-type"] == "application/geo+json"
    assert {answer.headers["x-model-version"] for answer in files.values()} == {"1"}
    coco, labelme = files["coco"].json(), files["polygons"].json()
    assert (coco["images"][0]["file_name"], labelme["imagePath"]) == ("photo.png", "photo.png")
    again = {form: np.full(classes.shape, 255, np.uint8) for form in files}
    for one in coco["annotations"]:
        again["coco"][from_rle(one["segmentation"]["counts"], *classes.shape)] = one["category_id"] - 1
    for shape in labelme["shapes"]:
        again["polygons"][fill([shape["points"]], *classes.shape)] = STREET8.names.index(shape["label"])
    for feature in files["geojson"].json()["features"]:
        for rings in feature["geometry"]["coordinates"]:
            again["geojson"][fill(rings, *classes.shape)] = feature["properties"]["id"]
    for form, labels in again.items():
        assert np.array_equal(labels, classes), form


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("?output=cutout", 400, "output=cutout and class=NAME go together; the classes are road"),
        ("?class=road", 400, "output=cutout and class=NAME go together"),
        ("?output=cutout&class=,", 400, "'class' is empty; name some of road"),
        ("?output=cutout&class=zebra", 404, "no class 'zebra'; it has road"),
        ("?format=coco&output=confidence", 400, "format=coco carries the classes, not output=confidence"),
    ],
)
def test_a_wish_that_cannot_be_met_says_what_can(api: TestClient, query: str, status: int, says: str) -> None:
    response = _post(api, query)
    assert response.status_code == status
    assert says in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?output=picture", "'mask', 'overlay', 'classes', 'confidence' or 'cutout'"),
        ("?format=xml", "'png', 'json', 'coco', 'polygons' or 'geojson'"),
        ("?opacity=2", "less than or equal to 1"),
        ("?opacity=nan", "finite number"),
        ("?modle=segformer", "'modle' is unknown"),
        ("?model=" + "x" * 400, "at most 300"),
    ],
)
def test_wrong_query_is_422_and_says_what_is_allowed(api: TestClient, query: str, says: str) -> None:
    response = _post(api, query)
    assert response.status_code == 422
    assert says in response.json()["detail"]


def test_problem_has_the_members_of_rfc_9457(api: TestClient) -> None:
    response = _post(api, "?opacity=2")
    assert json.loads(response.text).keys() == {"type", "title", "status", "detail", "instance"}
    assert (response.json()["status"], response.json()["instance"]) == (422, "/predict")
