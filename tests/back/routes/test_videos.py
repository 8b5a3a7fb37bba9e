"""POST /videos and its jobs: from a clip to its files, and all that may come between."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.guards.keys import add_key
from back.jobs import turns
from back.jobs.folder import JobFolder
from back.main import create_app
from back.runtime.process.bounded import UnfinishedError
from back.runtime.video.work import work
from tests.api import Store, serving, wait_until
from tests.clips import make_clip, moving_stripes, work_by


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on clips in this process: another for each takes seconds; the README's example does as the API does."""

    def in_this_process(module: str, request: dict[str, Any], **limits: Any) -> dict[str, Any]:
        return work(request)

    monkeypatch.setattr("os.nice", lambda _: 0)
    work_by(monkeypatch, in_this_process)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_clip(path, moving_stripes(5), sound="aac").read_bytes()


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def client(shared_store: Store, jobs: Path) -> Iterator[TestClient]:
    with serving(create_app(shared_store.settings(jobs_dir=jobs))) as client:
        yield client


def _post(client: TestClient, data: bytes, query: str = "", **kwargs: Any):  # type: ignore[no-untyped-def]
    return client.post(f"/videos{query}", files={"clip": ("clip.mp4", data, "video/mp4")}, **kwargs)


def _finished(client: TestClient, name: str, **kwargs: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}

    def is_finished() -> bool:
        told.update(client.get(f"/jobs/{name}", **kwargs).json())
        return told["state"] not in {"queued", "running"}

    wait_until(is_finished, "the job to end")
    return told


def test_a_clip_becomes_overlay_class_maps_and_shares(client: TestClient, clip: bytes) -> None:
    answer = _post(client, clip, "?model=segformer")
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert answer.headers["location"] == f"/jobs/{queued['id']}"
    assert (queued["clip"]["width"], queued["clip"]["height"], queued["clip"]["codec"]) == (96, 48, "H.264")
    told = _finished(client, queued["id"])
    assert (told["state"], told["frames"], told["progress"], told["error"]) == ("done", 5, 1.0, None)
    assert set(told["files"]) == {"overlay", "classes", "shares", "preview", "clip"}
    sent = client.get(told["files"]["clip"])  # what a page plays beside the overlay
    assert (sent.content, sent.headers["content-type"]) == (clip, "video/mp4")
    with av.open(io.BytesIO(client.get(told["files"]["overlay"]).content)) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
    with zipfile.ZipFile(io.BytesIO(client.get(told["files"]["classes"]).content)) as maps:
        labels_HW = np.asarray(Image.open(io.BytesIO(maps.read("000000.png"))))
    photo = io.BytesIO()
    with av.open(io.BytesIO(clip)) as file:
        Image.fromarray(next(file.decode(video=0)).to_ndarray(format="rgb24")).save(photo, "PNG")
    mask = client.post("/predict?model=segformer&output=classes", files={"image": photo.getvalue()}).content
    assert np.array_equal(labels_HW, np.asarray(Image.open(io.BytesIO(mask))))
    assert client.get(told["files"]["shares"]).text.splitlines()[0].startswith("frame,seconds,road")
    part = client.get(told["files"]["overlay"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_a_job_can_be_deleted_with_all_that_it_made(client: TestClient, clip: bytes, jobs: Path) -> None:
    told = _finished(client, _post(client, clip).json()["id"])
    assert any((jobs / "of" / told["id"]).iterdir())
    assert client.delete(f"/jobs/{told['id']}").status_code == 204
    assert client.get(f"/jobs/{told['id']}").status_code == 404
    assert client.get(told["files"]["overlay"]).status_code == 404
    assert not (jobs / "of" / told["id"]).exists()


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        (b"GIF89a" + bytes(99), 415, "The clip is no MP4, MOV, WEBM or MKV file"),
        (b"", 415, "The clip is no MP4, MOV, WEBM or MKV file"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(500), 400, "cannot be opened; it is damaged"),
    ],
)
def test_what_is_no_clip_is_refused_at_once(
    client: TestClient, data: bytes, status: int, sentence: str, jobs: Path
) -> None:
    before = set(jobs.glob("of/*"))
    answer = _post(client, data)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert sentence in answer.json()["detail"]
    assert set(jobs.glob("of/*")) == before, "nothing of it is kept"


def test_a_form_without_a_clip_is_told_how_to_send_one(client: TestClient, clip: bytes) -> None:
    assert "curl: -F clip=@clip.mp4" in client.post("/videos", content=clip).json()["detail"]
    wrong = client.post("/videos", files={"image": clip})
    assert wrong.status_code == 422
    assert "The form field 'clip' is missing; with curl: -F clip=@clip.mp4." in wrong.json()["detail"]


def test_limits_of_clips_are_settings(shared_store: Store, tmp_path: Path, clip: bytes) -> None:
    changes = {"max_video_mb": 0.02, "max_video_minutes": 0.001}
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", **changes))) as client:
        for data, sentence in (
            (clip, "longer than the 0.001 minutes"),
            (clip + bytes(90_000), "the 0.08554 MB allowed"),
        ):
            answer = _post(client, data)
            assert answer.status_code == 413, answer.text
            assert sentence in answer.json()["detail"]


def test_photos_keep_their_own_limit(shared_store: Store, tmp_path: Path, clip: bytes) -> None:
    app = create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", max_image_mb=0.002))
    with serving(app) as client:
        assert len(clip) > 2000
        assert _post(client, clip).status_code == 202
        assert client.post("/predict", files={"image": clip}).status_code == 413


def test_a_running_job_is_cancelled_and_the_next_begins(
    client: TestClient, clip: bytes, held: list[str], jobs: Path
) -> None:
    first, second = (_post(client, clip).json()["id"] for _ in range(2))
    wait_until(lambda: len(held) == 1, "the first to begin")
    assert client.get(f"/jobs/{first}").json()["state"] == "running"
    assert client.get(f"/jobs/{second}").json()["ahead"] == 1
    assert "it is running" in client.get(f"/jobs/{first}/overlay.mp4").json()["detail"]
    assert client.delete(f"/jobs/{first}").status_code == 204
    wait_until(lambda: len(held) == 2, "the second to begin")
    assert not (jobs / "of" / first).exists()
    assert client.delete(f"/jobs/{second}").status_code == 204
    wait_until(lambda: not (jobs / "of" / second).exists(), "the second to end")


def test_jobs_outlive_the_api(shared_store: Store, tmp_path: Path, clip: bytes, held: list[str],
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    settings = shared_store.settings(jobs_dir=tmp_path / "jobs")
    with serving(create_app(settings)) as client:
        running, waiting = (_post(client, clip).json()["id"] for _ in range(2))
        wait_until(lambda: len(held) == 1, "the first to begin")
    work_by(monkeypatch, lambda module, request, **limits: work(request))
    with serving(create_app(settings)) as client:
        for name in (running, waiting):
            told = _finished(client, name)
            assert (told["state"], told["frames"]) == ("done", 5)


def test_too_many_jobs_are_refused(shared_store: Store, tmp_path: Path, clip: bytes, held: list[str]) -> None:
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", max_jobs=1))) as client:
        assert _post(client, clip).status_code == 202
        answer = _post(client, clip)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "1 jobs wait already" in answer.json()["detail"]


def test_replicas_that_share_a_folder_tell_of_each_other_s_jobs_and_one_works(
    shared_store: Store, tmp_path: Path, clip: bytes, held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = shared_store.settings(jobs_dir=tmp_path / "jobs", max_jobs=3)
    with serving(create_app(settings)) as other:
        with serving(create_app(settings)) as first:
            begun = _post(first, clip).json()["id"]  # by the first, which then works
            wait_until(lambda: len(held) == 1, "the first to begin")
            waiting, unwanted = (_post(other, clip).json()["id"] for _ in range(2))
            for client in (first, other):
                assert client.get(f"/jobs/{begun}").json()["state"] == "running"
                assert client.get(f"/jobs/{waiting}").json()["ahead"] == 1
                assert client.get(f"/jobs/{begun}/clip").content == clip
                assert _post(client, clip).status_code == 503  # counted together
            assert first.delete(f"/jobs/{unwanted}").status_code == 204
            assert other.get(f"/jobs/{unwanted}").status_code == 404
            assert held == [str(tmp_path / "jobs" / "of" / begun / "clip")]
            work_by(monkeypatch, lambda module, request, **limits: work(request))
        for name in (begun, waiting):  # the first has ended, and the other goes on with what it left
            assert _finished(other, name)["state"] == "done"
        assert other.delete(f"/jobs/{begun}").status_code == 204
        assert not (tmp_path / "jobs" / "of" / begun).exists()


def test_files_of_an_api_that_died_are_deleted_when_nothing_arrives(tmp_path: Path) -> None:
    mine, other = JobFolder(tmp_path), JobFolder(tmp_path)
    half = mine.of("half")
    half.mkdir()
    with other.arriving():
        mine.remove_unknown(set)
        assert half.exists()  # for all that it knows, it arrives at the other
    mine.remove_unknown(lambda: {"half"})
    assert half.exists()
    mine.remove_unknown(set)
    assert not half.exists()
    assert mine.take_over()
    assert not other.take_over()
    mine.close()
    assert other.take_over()
    other.close()


def test_an_api_that_takes_no_jobs_has_no_such_paths(shared_store: Store, tmp_path: Path, clip: bytes) -> None:
    app = create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", max_jobs=0))
    with serving(app) as client:
        assert {_post(client, clip).status_code, client.get("/jobs/none").status_code} == {404}
        assert not [path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/jobs")]
        assert not (tmp_path / "jobs").exists()


def test_results_are_deleted_in_time(shared_store: Store, tmp_path: Path, clip: bytes,
                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(turns, "_CLEAN_S", 0.05)
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", keep_hours=1 / 3600))) as client:
        name = _post(client, clip).json()["id"]
        wait_until(lambda: client.get(f"/jobs/{name}").status_code == 404, "the job to be deleted")
        wait_until(lambda: not any((tmp_path / "jobs" / "of").iterdir()), "its files to be deleted")


def test_a_key_sees_its_own_jobs_alone(shared_store: Store, tmp_path: Path, clip: bytes) -> None:
    keys = tmp_path / "keys"
    mine, others = ({"X-API-Key": add_key(keys, name)} for name in ("mine", "others"))
    app = create_app(shared_store.settings(jobs_dir=tmp_path / "jobs", keys_file=keys))
    with serving(app) as client:
        assert _post(client, clip).status_code == 401
        name = _post(client, clip, headers=mine).json()["id"]
        _finished(client, name, headers=mine)
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/overlay.mp4")):
            assert client.request(method, f"/jobs/{name}{path}", headers=others).status_code == 404
        assert client.get(f"/jobs/{name}/overlay.mp4", headers=mine).status_code == 200


@pytest.mark.parametrize("path", ["/jobs/..%2f..%2fjobs.db", "/jobs/x/..%2fclip", "/jobs/none"])
def test_what_is_no_job_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_process_that_dies_ends_the_job_and_nothing_else(
    client: TestClient, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(module: str, request: dict[str, Any], **limits: Any) -> dict[str, Any]:
        if request["action"] == "label" and not died:
            died.append(1)
            raise UnfinishedError("its process died (-11)")
        return work(request)

    died: list[int] = []
    work_by(monkeypatch, die)
    told = _finished(client, _post(client, clip).json()["id"])
    assert (told["state"], told["error"]) == ("failed", "The clip could not be finished: its process died (-11).")
    assert _finished(client, _post(client, clip).json()["id"])["state"] == "done"


def test_other_wishes(client: TestClient, clip: bytes) -> None:
    told = _finished(client, _post(client, clip, "?every=2&smooth=true&classes=video&opacity=1").json()["id"])
    assert (told["state"], told["frames"], told["notes"]) == ("done", 3, [])
    assert told["files"]["classes"].endswith("/classes.mkv")
    assert _post(client, clip, "?every=0").status_code == 422
