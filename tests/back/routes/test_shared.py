"""/shared: a photo and its results under an address that can be passed on, for a while, within bounds."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from back.guards.keys import add_key
from back.main import create_app
from back.problems import Problem
from back.runtime.masks.png import encode_gray_png
from back.settings import Settings
from back.shared_photos import About, SharedPhotos, digest_of
from tests.api import HEIGHT, LABELS_HW, PHOTO, WIDTH, Store, serving

FORM = {"image": ("../streets/a street.png", PHOTO, "image/png")}


@pytest.fixture(scope="module")
def keys(shared_store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("keys") / "keys"
    return {name: add_key(path, name) for name in ("anna", "ben")} | {"file": str(path)}


@pytest.fixture(scope="module")
def client(
    shared_store: Store, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("shared")
    settings = shared_store.settings(shared_dir=folder, keys_file=Path(keys["file"]), reload_seconds=3600)
    with serving(create_app(settings)) as client:
        yield client


def shared(client: TestClient, key: str) -> dict[str, object]:
    answer = client.post("/shared?models=segformer", files=FORM, headers={"X-API-Key": key})
    assert answer.status_code == 201, answer.text
    told: dict[str, object] = answer.json()
    assert answer.headers["location"] == f"/shared/{told['id']}"
    return told


def test_whoever_knows_the_address_and_has_a_key_sees_the_photo_and_the_results(
    client: TestClient, keys: dict[str, str]
) -> None:
    told = shared(client, keys["anna"])
    ben = {"X-API-Key": keys["ben"]}
    about = client.get(f"/shared/{told['id']}", headers=ben).json()
    assert about == told | {"delete_token": None}
    assert (about["name"], about["width"], about["height"]) == ("a street.png", WIDTH, HEIGHT)
    assert about["kept_until"] - about["created"] == 168 * 3600
    photo = client.get(about["photo"], headers=ben)
    assert (photo.content, photo.headers["content-type"]) == (PHOTO, "image/png")
    again = client.post("/compare?models=segformer", files=FORM, headers=ben).json()
    kept = client.get(about["comparison"], headers=ben).json()
    assert kept["models"][0]["image"] == again["models"][0]["image"]
    for path in ("", "/photo", "/comparison"):
        assert client.get(f"/shared/{told['id']}{path}").status_code == 401


def test_the_label_goes_with_its_photo(client: TestClient, keys: dict[str, str]) -> None:
    label = encode_gray_png(LABELS_HW)
    anna = {"X-API-Key": keys["anna"]}
    form = FORM | {"label": ("truth.png", label, "image/png")}
    told = client.post("/shared?models=segformer&label_taxonomy=street8", files=form, headers=anna).json()
    path = f"/shared/{told['id']}/label"
    assert told["label"] == {"name": "truth.png", "taxonomy": "street8", "file": path}
    assert client.get(path, headers=anna).content == label
    judged = client.get(told["comparison"], headers=anna).json()["label"]
    assert judged == client.post("/compare?models=segformer", files=form, headers=anna).json()["label"]
    without = shared(client, keys["anna"])
    assert without["label"] is None
    answer = client.get(f"/shared/{without['id']}/label", headers=anna)
    assert (answer.status_code, "No label came with" in answer.json()["detail"]) == (404, True)
    form["label"] = ("truth.png", encode_gray_png(LABELS_HW[:10]), "image/png")
    assert client.post("/shared?models=segformer", files=form, headers=anna).status_code == 422


def test_only_who_made_it_can_delete_it(client: TestClient, keys: dict[str, str]) -> None:
    for way in ("key", "token"):
        told = shared(client, keys["anna"])
        path, ben = f"/shared/{told['id']}", {"X-API-Key": keys["ben"]}
        for wrong in (ben, ben | {"X-Delete-Token": "guessed"}):
            refused = client.delete(path, headers=wrong)
            assert refused.status_code == 403
            assert "Only who made it can delete it" in refused.json()["detail"]
        right = {"X-API-Key": keys["anna"]} if way == "key" else ben | {"X-Delete-Token": str(told["delete_token"])}
        assert client.delete(path, headers=right).status_code == 204
        assert client.get(path, headers=ben).status_code == 404
        assert client.get(f"{path}/photo", headers=ben).status_code == 404


@pytest.mark.parametrize("name", ["", "%2e%2e", "lock", "x" * 22, "..%2f..%2fkeys", "é"])
def test_no_other_name_leads_to_a_file(client: TestClient, keys: dict[str, str], name: str) -> None:
    for behind in ("", "/photo"):
        assert client.get(f"/shared/{name}{behind}", headers={"X-API-Key": keys["anna"]}).status_code in (404, 405)


ABOUT = About("a.jpg", 4, 3, [], 0.0, None, digest_of("token"))


def photos_in(folder: Path, **settings: object) -> SharedPhotos:
    return SharedPhotos(Settings(shared_dir=folder, **settings))  # type: ignore[arg-type]


def now() -> About:
    return About(**(vars(ABOUT) | {"created": time.time()}))


def test_several_apis_over_one_folder_serve_and_delete_what_one_took_in(tmp_path: Path) -> None:
    one, other = photos_in(tmp_path), photos_in(tmp_path)
    name = one.add(now(), b"photo", b"{}")
    assert (other.photo(name), other.comparison(name), other.find(name).name) == (b"photo", b"{}", "a.jpg")
    other.delete(name, None, "token")
    with pytest.raises(Problem, match="no shared photo"):
        one.photo(name)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_it_is_deleted_in_time_and_so_is_what_was_never_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = photos_in(tmp_path, share_hours=2)
    name = photos.add(now(), b"photo", b"{}")
    (tmp_path / ".new-of-one-that-died").mkdir()
    photos.sweep()
    assert photos.photo(name) == b"photo"
    later = time.time() + 2 * 3600 + 1
    monkeypatch.setattr("back.shared_photos.time.time", lambda: later)
    with pytest.raises(Problem, match="kept for 2 hours"):
        photos.photo(name)
    photos.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_number_and_bytes_are_bounded(tmp_path: Path) -> None:
    few = photos_in(tmp_path / "few", max_shared=2)
    small = photos_in(tmp_path / "small", max_shared_mb=0.001)
    for _ in range(2):
        few.add(now(), b"photo", b"{}")
    for full, photo in ((few, b"photo"), (small, b"x" * 1200)):
        with pytest.raises(Problem, match=r"kept already; delete some") as refused:
            full.add(now(), photo, b"{}")
        assert refused.value.status_code == 503
    assert len(list((tmp_path / "few").iterdir())) == 3, "two and the lock: nothing of the third is left"
    with pytest.raises(Problem, match="STREETSEG_MAX_SHARED"):
        photos_in(tmp_path, max_shared=0).check_on()
