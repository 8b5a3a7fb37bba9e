"""POST /evaluations: from photos and labels to scores, slices and pictures, and all that may come between."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.guards.keys import add_key
from back.main import create_app
from back.runtime.evaluation.work import work
from tests.api import Store, serving, wait_until
from tests.clips import work_by
from tests.labelled import WIDTH, pairs, scene, zipped


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in this process: another for each job takes seconds."""
    monkeypatch.setattr("os.nice", lambda _: 0)
    work_by(monkeypatch, lambda module, request, **limits: work(request))


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets beside the API, one of them with a link out of it."""
    root = tmp_path_factory.mktemp("data")
    for name, data in pairs(3).items():
        for place in ("plain", "deeper/plain"):
            path = root / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(scene()[0])
    (root / "plain" / "images" / "zzlink.png").symlink_to(outside)
    (root / "plain" / "labels" / "zzlink.png").write_bytes(scene()[1])
    return root


@pytest.fixture(scope="module")
def client(shared_store: Store, data_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = shared_store.settings(jobs_dir=tmp_path_factory.mktemp("jobs"), dataset_dir=data_sets)
    with serving(create_app(settings)) as client:
        yield client


def _post(client: TestClient, files: dict[str, bytes], query: str = "", **kwargs: Any):  # type: ignore[no-untyped-def]
    return client.post(f"/evaluations{query}", files=[("files", item) for item in files.items()], **kwargs)


def _finished(client: TestClient, name: str, **kwargs: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}

    def is_finished() -> bool:
        told.update(client.get(f"/jobs/{name}", **kwargs).json())
        return told["state"] not in {"queued", "running"}

    wait_until(is_finished, "the job to end")
    return told


def _result(client: TestClient, told: dict[str, Any]) -> dict[str, Any]:
    assert told["state"] == "done", told
    found: dict[str, Any] = client.get(told["files"]["result"]).json()
    return found


def _layer(client: TestClient, job: str, number: int, layer: str) -> np.ndarray:
    """A class map of one picture, uint8 [H, W]."""
    return np.asarray(Image.open(io.BytesIO(client.get(f"/jobs/{job}/{number:06d}-{layer}.png").content)))


def test_a_zip_becomes_scores_slices_and_pictures(client: TestClient) -> None:
    files = pairs(6)
    names = sorted({Path(name).stem for name in files})
    rows = ["image,weather", *(f"{name},{'rain' if name > 'c' else 'sun'}" for name in names)]
    files["weather.csv"] = "\n".join(rows).encode()
    answer = _post(client, {"set.zip": zipped(files)}, "?model=segformer&other=deeplabv3plus&label_kind=street8")
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert answer.headers["location"] == f"/jobs/{queued['id']}"
    assert (queued["kind"], queued["other"], queued["clip"]) == ("evaluation", "deeplabv3plus", None)
    found = queued["evaluation"]
    assert (found["layout"], found["pictures"], found["unlabelled"], found["table"]) == (
        "folder",
        6,
        0,
        "weather.csv",
    )
    assert found["pairs"][0] == ["aastreet.png", "aastreet.png"]

    told = _finished(client, queued["id"])
    assert (told["frames"], told["progress"]) == (6, 1.0)
    result = _result(client, told)
    truth, a, b = (
        np.array([_layer(client, told["id"], number, layer) for number in range(6)]) for layer in ("truth", "a", "b")
    )
    assert all((truth[number, :, :number] == 6).all() for number in range(6))
    pictures = result["pictures"]
    for place, seen in enumerate((a, b)):
        scores = result["scores"][place]
        assert scores["pixel_accuracy"] == pytest.approx((seen == truth).mean())
        assert scores["confusion_matrix"][6][0] == ((truth == 6) & (seen == 0)).sum() > 0
        assert scores["miou"]["low"] < scores["miou"]["estimate"] < scores["miou"]["high"]
        shares = (seen != truth).mean(axis=(1, 2))
        assert [p["scores"][place]["error_share"] for p in pictures] == pytest.approx(shares)
    assert [p["disagreement"] for p in pictures] == pytest.approx((a != b).mean(axis=(1, 2)))
    ious = [result["scores"][1]["class_iou"], result["scores"][0]["class_iou"]]
    difference = result["difference"]["mean"]
    assert difference["estimate"] == pytest.approx(np.mean(ious[0]) - np.mean(ious[1]))
    assert difference["blocks"] == 6
    assert all(scores["log_loss"] > 0 for picture in pictures for scores in picture["scores"])
    cuts = {cut["title"]: cut["slices"] for cut in result["cuts"]}
    assert [part["name"] for part in cuts["weather"]] == ["rain", "sun"]
    assert cuts["weather"][1]["numbers"] == [0, 1]
    assert cuts["weather"][1]["scores"][0]["pixel_accuracy"] == pytest.approx((a[:2] == truth[:2]).mean())
    assert [part["pixels"] for part in cuts["Height in the picture"]] == [6 * WIDTH * rows for rows in (11, 11, 10)]
    assert "Size of the object in the label" not in cuts, "all of it is large"

    table = list(csv.DictReader(io.StringIO(client.get(told["files"]["pictures"]).text)))
    assert [row["name"] for row in table] == [p["name"] for p in pictures]
    assert float(table[5]["error_share segformer"]) == pytest.approx((a[5] != truth[5]).mean(), abs=1e-6)
    place = f"/jobs/{told['id']}"
    for name, kind in (("photo.jpg", "image/jpeg"), ("thumb.jpg", "image/jpeg"), ("b.png", "image/png")):
        assert client.get(f"{place}/000005-{name}").headers["content-type"] == kind
    assert client.get(f"{place}/000006-photo.jpg").status_code == 404


def test_loose_files_are_paired_by_their_names(client: TestClient) -> None:
    photo, label = scene(3)
    files = {"a_leftImg8bit.png": photo, "a_gtFine_labelIds.png": label, "b.webp": b"", "c.png": photo,
             "c_labels.png": label}  # fmt: skip
    told = _post(client, files, "?label_kind=street8").json()
    assert told["evaluation"]["layout"] == "loose"
    assert told["evaluation"]["pairs"] == [["a_leftImg8bit.png", "a_gtFine_labelIds.png"], ["c.png", "c_labels.png"]]
    assert told["evaluation"]["unlabelled"] == 1
    assert [p["name"] for p in _result(client, _finished(client, told["id"]))["pictures"]] == ["a", "c"]


def test_a_bad_picture_is_listed_and_ends_nothing(client: TestClient) -> None:
    photo, label = scene()
    files = pairs(2) | {
        "images/damaged.png": photo[:60], "labels/damaged.png": label,
        "images/small.png": photo, "labels/small.png": scene()[1][:60],
        "images/values.png": photo, "labels/values.png": photo,
    }  # fmt: skip
    job = _post(client, {"x.zip": zipped(files)}, "?label_kind=street8").json()["id"]
    result = _result(client, _finished(client, job))
    assert len(result["pictures"]) == 2
    refused = {one["name"]: one["why"] for one in result["refused"]}
    assert set(refused) == {"damaged", "small", "values"}
    assert all(why.endswith(".") and why[0].isupper() for why in refused.values())


def test_the_kind_of_labels_is_guessed_held_and_changed(client: TestClient) -> None:
    held = _post(client, {"x.zip": zipped(pairs(3))}, "?hold=true").json()
    assert (held["state"], held["evaluation"]["label_kind"]) == ("held", None)
    assert "street8" in held["evaluation"]["label_kinds"]
    assert held["evaluation"]["values"] == list(range(8))
    begin = f"/evaluations/{held['id']}"
    assert "label_kind 'voc' does not fit" in client.post(f"{begin}?label_kind=voc").json()["detail"]
    assert client.post(f"{begin}?label_kind=street8").status_code == 202
    first = _result(client, _finished(client, held["id"]))
    assert client.post(f"{begin}?label_kind=camvid11&model=deeplabv3plus").status_code == 202
    second = _result(client, _finished(client, held["id"]))
    assert second["models"] == ["deeplabv3plus"]
    assert second["label_kind"] == "camvid11"
    assert second["scores"][0]["pixel_accuracy"] < first["scores"][0]["pixel_accuracy"]


def test_a_folder_of_the_server_is_listed_and_scored_where_it_lies(client: TestClient) -> None:
    assert client.get("/folders").json() == {"folders": [".", "deeper", "plain", "deeper/plain"]}
    answer = client.post("/evaluations?folder=plain&label_kind=street8&split=all")
    assert answer.status_code == 202, answer.text
    result = _result(client, _finished(client, answer.json()["id"]))
    assert len(result["pictures"]) == 3
    (refused,) = result["refused"]
    assert refused["name"] == "zzlink"
    for folder in ("..", "../data/plain", "/etc", "plain/images", "nowhere"):
        wrong = client.post("/evaluations", params={"folder": folder})
        assert (wrong.status_code, "There is no folder" in wrong.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("", 400, "Send photos and labels, with curl: -F files=@photos.zip"),
        ("?folder=plain&split=nowhere", 404, "There is no split 'nowhere'; there are: all, train, val"),
        ("?folder=plain&model=unet", 404, "There is no model 'unet'"),
        ("?folder=plain&clips=some", 422, "clips"),
    ],
)
def test_what_cannot_be_evaluated_is_told(client: TestClient, query: str, status: int, sentence: str) -> None:
    answer = client.post(f"/evaluations{query}")
    assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.json()["detail"]


def test_files_without_a_pair_are_refused_and_not_kept(client: TestClient) -> None:
    for files, sentence in (
        ({"a.png": scene()[0]}, "No photo has a label (1 photos, 0 labels)"),
        ({"notes.txt": b"x"}, "There are no photos"),
    ):
        answer = _post(client, files)
        assert (answer.status_code, sentence in answer.json()["detail"]) == (400, True), answer.text


def test_it_is_cancelled_and_outlives_the_api(
    shared_store: Store, tmp_path: Path, held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = shared_store.settings(jobs_dir=tmp_path / "jobs")
    archive = {"x.zip": zipped(pairs(2))}
    with serving(create_app(settings)) as client:
        cancelled, kept = (_post(client, archive, "?label_kind=street8").json()["id"] for _ in range(2))
        wait_until(lambda: len(held) == 1, "the first to begin")
        again = client.post(f"/evaluations/{cancelled}")
        assert (again.status_code, "is running already" in again.json()["detail"]) == (409, True)
        assert client.delete(f"/jobs/{cancelled}").status_code == 204
        wait_until(lambda: len(held) == 2, "the second to begin")
        assert not (tmp_path / "jobs" / "of" / cancelled).exists()
    work_by(monkeypatch, lambda module, request, **limits: work(request))
    with serving(create_app(settings)) as client:
        assert len(_result(client, _finished(client, kept))["pictures"]) == 2


def test_a_key_sees_its_own_evaluations_alone(shared_store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    mine, others = ({"X-API-Key": add_key(keys, name)} for name in ("mine", "others"))
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", keys_file=keys))) as client:
        name = _post(client, {"x.zip": zipped(pairs(1))}, "?label_kind=street8", headers=mine).json()["id"]
        _finished(client, name, headers=mine)
        for path in (f"/jobs/{name}", f"/jobs/{name}/result.json", f"/jobs/{name}/000000-photo.jpg"):
            assert client.get(path, headers=others).status_code == 404
            assert client.get(path, headers=mine).status_code == 200
        assert client.post(f"/evaluations/{name}", headers=others).status_code == 404


def test_a_job_of_an_older_release_is_still_read(tmp_path: Path) -> None:
    from back.jobs.table import JobTable

    table = JobTable(tmp_path / "jobs.db")
    told = {"model": "m", "version": "1", "bundle": "b", "options": {}, "clip": {"width": 3}, "files": {}}
    table._run("INSERT INTO jobs VALUES ('a', NULL, 'done', 0, 1, 1, ?)", json.dumps(told))
    (job,) = table.all()
    assert (job.told.kind, job.told.facts) == ("clip", {"width": 3})
