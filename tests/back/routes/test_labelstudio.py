import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydantic import SecretStr

from back.label_studio.pictures import Pictures
from back.main import create_app
from back.routes import labelstudio
from back.runtime.taxonomy import STREET8
from back.settings import Settings
from modelisation.data.formats import label_studio as label_studio_export
from modelisation.data.formats.shapes import fill, from_label_studio
from tests.api import HEIGHT, PHOTO, WIDTH, Store, serving
from tests.label_studio import CONFIG, POLYGONS, LabelStudio, label_studio

STREET = "/data/upload/1/street.png"
NAMED = {"road": "Road", "sidewalk": "Ground", "vehicle": "Car", "sky": "sky"}
LEFT_OUT = ["building", "pedestrian", "vegetation", "background"]


@pytest.fixture(scope="module")
def studio() -> Iterator[LabelStudio]:
    with label_studio(files={STREET: PHOTO, "/data/local-files/?d=a.png": PHOTO, "/data/notes.png": b"notes"}) as one:
        yield one


@pytest.fixture(scope="module")
def client(shared_store: Store, studio: LabelStudio) -> Iterator[TestClient]:
    with serving(create_app(shared_store.settings(label_studio_url=studio.url, reload_seconds=3600))) as client:
        yield client


def asked(*pictures: str, config: str = CONFIG) -> dict[str, object]:
    """What Label Studio sends, the parts that are not read among them."""
    tasks = [{"id": 7, "data": {"picture": one}, "annotations": [], "predictions": []} for one in pictures]
    params = {"login": "", "password": "", "context": None}
    return {"tasks": tasks, "project": "1.1700000000", "label_config": config, "params": params}


@pytest.fixture(scope="module", name="labels_HW")
def labels(client: TestClient) -> np.ndarray:
    """What /predict says of the same photo."""
    png = client.post("/predict?output=classes", files={"image": PHOTO}).content
    return np.asarray(Image.open(io.BytesIO(png)))


def test_health_is_up_and_setup_names_the_version_and_what_is_left_out(client: TestClient) -> None:
    assert client.get("/labelstudio/health").json() == {"status": "UP"}
    sent = {"project": "1.17", "schema": CONFIG, "hostname": "http://evil.example", "access_token": "x",
            "extra_params": None}  # fmt: skip
    answer = client.post("/labelstudio/setup", json=sent)
    assert answer.json() == {"model_version": "deeplabv3plus/1", "left_out": LEFT_OUT}
    chosen = CONFIG.replace("<BrushLabels", '<BrushLabels model_name="segformer@candidate"')
    assert client.post("/labelstudio/setup", json={"schema": chosen}).json()["model_version"] == "segformer/2"
    unknown = client.post("/labelstudio/setup", json={"schema": chosen.replace("segformer@", "unet@")})
    assert (unknown.status_code, "segformer" in unknown.json()["detail"]) == (404, True)


def test_brushes_are_the_models_masks_to_the_pixel(
    client: TestClient, studio: LabelStudio, labels_HW: np.ndarray
) -> None:
    answer = client.post("/labelstudio/predict", json=asked(STREET, f"{studio.url}/data/local-files/?d=a.png"))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["model_version"], body["left_out"], body["problems"]) == ("deeplabv3plus/1", LEFT_OUT, [])
    assert len(body["results"]) == 2
    assert body["results"][0] == body["results"][1]
    found = {}
    for one in body["results"][0]["result"]:
        assert (one["from_name"], one["to_name"], one["type"]) == ("tag", "photo", "brushlabels")
        assert (one["original_width"], one["original_height"], one["image_rotation"]) == (WIDTH, HEIGHT, 0)
        found[one["value"]["brushlabels"][0]] = from_label_studio(one["value"]["rle"], HEIGHT, WIDTH)
    assert set(found) == set(NAMED.values())
    for name, label in NAMED.items():
        assert np.array_equal(found[label], labels_HW == STREET8.names.index(name)), name


def test_polygons_drawn_in_their_order_are_the_models_masks(client: TestClient, labels_HW: np.ndarray) -> None:
    (prediction,) = client.post("/labelstudio/predict", json=asked(STREET, config=POLYGONS)).json()["results"]
    drawn_HW = np.full((HEIGHT, WIDTH), 255)
    ids = {label: STREET8.names.index(name) for name, label in NAMED.items()}
    for one in prediction["result"]:
        assert (one["type"], one["value"]["closed"]) == ("polygonlabels", True)
        points = np.array(one["value"]["points"]) * (WIDTH, HEIGHT) / 100
        drawn_HW[fill([points], HEIGHT, WIDTH)] = ids[one["value"]["polygonlabels"][0]]
    wanted_HW = np.where(np.isin(labels_HW, list(ids.values())), labels_HW, 255)
    assert (drawn_HW == wanted_HW).mean() > 0.97


@pytest.mark.parametrize("config", [CONFIG, POLYGONS])
def test_predictions_that_people_accept_come_back_as_training_data(
    client: TestClient, labels_HW: np.ndarray, tmp_path: Path, config: str
) -> None:
    (prediction,) = client.post("/labelstudio/predict", json=asked(STREET, config=config)).json()["results"]
    task = {"id": 7, "data": {"picture": STREET}, "annotations": [{"result": prediction["result"]}]}
    (tmp_path / "export.json").write_text(json.dumps([task]), encoding="utf-8")
    (tmp_path / "street.png").write_bytes(PHOTO)
    export = label_studio_export.read(tmp_path)
    (picture,) = export.pictures
    labels = picture.read()
    for code, label in labels.names.items():
        if code:
            ids = [STREET8.names.index(name) for name, given in NAMED.items() if given == label]
            assert ((labels.codes == code) == np.isin(labels_HW, ids)).mean() > 0.97, label


def test_label_studios_own_schema_takes_the_answers(client: TestClient) -> None:
    sdk = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed: it asks for other pins"
    )
    for config in (CONFIG, POLYGONS):
        (prediction,) = client.post("/labelstudio/predict", json=asked(STREET, config=config)).json()["results"]
        assert sdk.LabelInterface(config).validate_prediction(prediction, return_errors=True) == []
        prediction["result"][0]["value"][prediction["result"][0]["type"]] = ["Nobody"]
        assert sdk.LabelInterface(config).validate_prediction(prediction, return_errors=True)


def test_one_task_that_fails_leaves_the_others_theirs(client: TestClient) -> None:
    body = client.post("/labelstudio/predict", json=asked("/data/gone.png", STREET, "/data/notes.png")).json()
    assert [len(one["result"]) for one in body["results"]] == [0, 4, 0]
    assert ["no such picture" in body["problems"][0], "Task 3: " in body["problems"][1]] == [True, True]
    none = client.post("/labelstudio/predict", json=asked("/data/gone.png", "/data/gone.png"))
    assert (none.status_code, "None of the 2 tasks" in none.json()["detail"]) == (400, True)
    no_picture = client.post("/labelstudio/predict", json=asked(STREET) | {"tasks": [{"data": {"image": STREET}}]})
    assert (no_picture.status_code, "has no picture" in no_picture.json()["detail"]) == (400, True)


def test_what_label_studio_does_not_send_is_told_in_a_sentence(client: TestClient) -> None:
    for sent, told in [({}, "field 'tasks' is missing"), (asked(), "tasks"), ([1], "body")]:
        answer = client.post("/labelstudio/predict", json=sent)
        assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.text
        assert "multipart" not in answer.text
    large = client.post("/labelstudio/predict", content=b" " * (labelstudio.MAX_BYTES + 1))
    assert (large.status_code, "send fewer tasks" in large.json()["detail"]) == (413, True)


def test_an_answer_holds_no_more_than_it_may(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelstudio, "MAX_ANSWER_BYTES", 1000)
    answer = client.post("/labelstudio/predict", json=asked(STREET, STREET))
    assert (answer.status_code, "select fewer tasks" in answer.json()["detail"]) == (413, True)


def test_it_is_off_unless_an_address_is_set(api: TestClient) -> None:
    assert api.get("/labelstudio/health").status_code == 404
    assert not [path for path in api.get("/openapi.json").json()["paths"] if "labelstudio" in path]


def test_it_is_described_with_its_errors(client: TestClient) -> None:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for operation in methods.values():
            if path.startswith("/labelstudio/"):
                assert operation["summary"]
                assert operation["description"]


@pytest.mark.parametrize(
    ("token", "sent"),
    [
        ("0123456789abcdef", "Token 0123456789abcdef"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.WXYZ", "Bearer five minutes of WXYZ"),
    ],
)
def test_a_token_of_either_kind_opens_pictures(
    studio: LabelStudio, monkeypatch: pytest.MonkeyPatch, token: str, sent: str
) -> None:
    monkeypatch.setattr(studio, "wanted", sent)
    settings = Settings(label_studio_url=studio.url, label_studio_token=SecretStr(token))
    pictures = Pictures(settings)
    assert asyncio.run(pictures.fetch(pictures.address_of(STREET))) == PHOTO
    assert studio.asked[-1] == (STREET, sent)
    assert token not in repr(settings)


def test_without_a_token_the_sentence_says_which_setting(
    client: TestClient, studio: LabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "wanted", "Token x")
    answer = client.post("/labelstudio/predict", json=asked(STREET))
    assert (answer.status_code, "STREETSEG_LABEL_STUDIO_TOKEN" in answer.json()["detail"]) == (400, True)
