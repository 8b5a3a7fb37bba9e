"""A folder of jobs that is damaged, full or cannot be written to: a sentence for clips, and photos are served."""

import errno
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from back.jobs import clock, turns
from back.jobs.table import Job, JobTable, Told
from back.main import create_app
from tests.api import PHOTO, Store, serving, wait_until
from tests.clips import work_by

CLIP = b"\0\0\0\x18ftypmp42" + bytes(100)


def post(client: TestClient) -> tuple[int, str]:
    answer = client.post("/videos", files={"clip": ("clip.mp4", CLIP)})
    return answer.status_code, answer.json()["detail"]


def test_a_damaged_table_of_jobs_is_named_kept_and_stops_no_photo(
    shared_store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table, result = tmp_path / "jobs.db", tmp_path / "of" / "a" / "overlay.mp4"
    result.parent.mkdir(parents=True)
    result.write_bytes(b"somebody's")
    table.write_bytes(b"no database " * 1000)
    app = create_app(shared_store.settings(jobs_dir=tmp_path))
    sentence = f"{table} cannot be used (file is not a database); move {tmp_path} away, or set STREETSEG_JOBS_DIR"
    with serving(app) as client:
        assert sentence in caplog.text
        for _ in range(2):
            status, detail = post(client)
            assert (status, detail.startswith(sentence)) == (503, True)
        assert client.post("/predict", files={"image": PHOTO}).status_code == 200
        assert table.read_bytes().startswith(b"no database")
        assert result.read_bytes() == b"somebody's"
        table.unlink()  # as told
        result.parent.rename(tmp_path / "elsewhere")
        assert post(client)[0] == 400  # this clip is none


def test_a_folder_of_jobs_that_cannot_be_made_is_named(shared_store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path / "file" / "jobs"))) as client:
        status, detail = post(client)
        assert status == 503
        assert detail.startswith(f"{tmp_path}/file/jobs cannot be written to (not a directory); ")
        assert "STREETSEG_JOBS_DIR" in detail


def test_a_clip_without_room_on_the_disk_is_503_and_leaves_nothing(
    shared_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_by(monkeypatch, lambda *_, **__: {})
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path))) as client:
        monkeypatch.setattr("shutil.copyfileobj", _full)
        status, detail = post(client)
        assert (status, "no disk space left" in detail) == (503, True)
        monkeypatch.undo()
        assert list((tmp_path / "of").iterdir()) == []
        assert client.post("/predict", files={"image": PHOTO}).status_code == 200


def test_a_table_of_jobs_on_a_full_disk_is_a_shortage(tmp_path: Path) -> None:
    table = JobTable(tmp_path / "jobs.db")
    pages = table._run("PRAGMA page_count")[0][0]
    table._run(f"PRAGMA max_page_count = {pages}")  # what a full disk is to SQLite
    told = Told("m", "1", "b", {}, {"note": "x" * 20_000}, {})
    with pytest.raises(OSError, match="disk is full") as raised:
        table.add(Job("a", None, "queued", 0.0, told))
    assert raised.value.errno == errno.ENOSPC
    assert table.all() == []


def test_a_clock_that_is_set_deletes_no_result_early_and_time_that_passes_does(
    shared_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    facts = {"width": 8, "height": 8, "seconds": 1.0, "codec": "H.264", "sound": False}
    work_by(monkeypatch, lambda *_, **__: {**facts, "frames": 1, "notes": []})
    monkeypatch.setattr(turns, "_CLEAN_S", 0.0)
    with serving(create_app(shared_store.settings(jobs_dir=tmp_path, keep_hours=1))) as client:
        job = client.post("/videos", files={"clip": ("clip.mp4", CLIP)}).json()["id"]
        wait_until(lambda: client.get(f"/jobs/{job}").json()["state"] == "done", "the job", 30)
        now, running_s = time.time(), clock._running_s()
        for told in (now + 1e7, now - 1e7):
            caplog.clear()
            monkeypatch.setattr(clock.time, "time", lambda told=told: told)
            wait_until(lambda: "clock was set by" in caplog.text, "a word on the clock", 30)
            assert client.get(f"/jobs/{job}").json()["state"] == "done"
        monkeypatch.undo()
        monkeypatch.setattr(turns, "_CLEAN_S", 0.0)
        monkeypatch.setattr(clock, "_running_s", lambda: running_s + 3700)
        wait_until(lambda: client.get(f"/jobs/{job}").status_code == 404, "the end of its time", 30)


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no")
