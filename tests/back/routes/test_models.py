from fastapi.testclient import TestClient

from back.catalogue import read_catalogue
from back.main import create_app
from back.runtime.card import Card
from back.runtime.taxonomy import STREET8
from tests.api import Store, serving, wait_until


def test_entry_says_what_serves_and_how_good_it_is(api: TestClient) -> None:
    body = api.get("/models").json()
    assert body["default"] == "deeplabv3plus"
    assert [entry["name"] for entry in body["models"]] == ["deeplabv3plus", "segformer"]
    entry = body["models"][1]
    assert (entry["version"], entry["alias"], entry["ready"], entry["error"]) == ("1", "champion", True, None)
    assert entry["metrics"]["miou"] == 0.7
    assert entry["engine"]["name"] == "openvino"
    assert (entry["taxonomy"], entry["pixel_budget"]) == ("street8", 128 * 256)
    assert entry["file_size_bytes"] > 100
    assert (entry["data_licence"], entry["weights_licence"]) == ("MIT", "MIT")
    assert api.get(f"/runs/{entry['run_id']}").json()["model"] == "segformer"


def test_detail_adds_card_and_report(api: TestClient) -> None:
    body = api.get("/models/segformer").json()
    assert Card.model_validate(body["card"]).taxonomy == STREET8
    assert body["report"]["evaluation"]["miou"] == 0.7
    listed = next(entry for entry in api.get("/models").json()["models"] if entry["name"] == "segformer")
    assert {key: body[key] for key in listed} == listed


def test_detail_of_a_version_or_alias(api: TestClient) -> None:
    for name in ("segformer@candidate", "segformer/2"):
        body = api.get(f"/models/{name}").json()
        assert (body["version"], body["alias"], body["card"]["metrics"]["miou"]) == ("2", "candidate", 0.8)


def test_unknown_model_is_404_with_the_known_ones(api: TestClient) -> None:
    response = api.get("/models/unet")
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no model 'unet'. Known models: deeplabv3plus, segformer."


def test_classes_are_the_models_taxonomy(api: TestClient) -> None:
    assert api.get("/classes?model=segformer").json() == STREET8.model_dump(mode="json")
    assert api.get("/classes").json()["id"] == "street8"
    assert api.get("/classes?model=unet").status_code == 404


def test_pixel_budget_of_the_setting_is_shown(store: Store) -> None:
    store.add()
    with serving(create_app(store.settings(pixel_budget=64 * 64))) as client:
        assert client.get("/models").json()["models"][0]["pixel_budget"] == 64 * 64


def test_moved_alias_takes_over_while_the_api_runs(store: Store) -> None:
    store.add(alias="champion")
    with serving(create_app(store.settings())) as client:
        assert client.get("/models/segformer").json()["version"] == "1"
        store.add(alias="champion", bias=1)
        wait_until(lambda: client.get("/models/segformer").json()["version"] == "2", "the new version")


def test_model_that_cannot_be_loaded_is_listed_with_the_reason(store: Store) -> None:
    store.add("segformer")
    store.client.create_registered_model("empty")
    with serving(create_app(store.settings())) as client:
        entry = client.get("/models").json()["models"][0]
        assert (entry["name"], entry["ready"], entry["version"]) == ("empty", False, None)
        assert "has no version" in entry["error"]
        assert entry["loading"] is False
        detail = client.get("/models/empty").json()
        assert (detail["error"], detail["card"]) == (entry["error"], None)


def test_model_that_is_being_loaded_is_listed_as_such(store: Store) -> None:
    store.add()
    app = create_app(store.settings())
    registry = app.state.services.registry
    registry.catalogue = read_catalogue(store.client)
    client = TestClient(app)  # without its background work, so nothing is loaded
    for entry in (client.get("/models").json()["models"][0], client.get("/models/segformer").json()):
        assert (entry["ready"], entry["loading"]) == (False, True)
        assert entry["error"] == "segformer is being loaded; try again in a few seconds."
