"""`predict` of many photos: complete tables, nothing done twice, nothing lost with a process that is killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PIL import ExifTags, Image

from back.runtime.card import read_card
from back.runtime.predictor import Predictor
from modelisation.__main__ import main
from modelisation.labelling.record import RECORD_FILE
from tests.api import wait_until
from tests.bundles import familiarity_of, make_bundle, rewrite_card
from tests.modelisation.commands.folders import content_of, labels_in
from tests.modelisation.labelling.photos import assert_complete, errors, results, write_photos

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"), pixel_budget=96 * 160)


def predict(bundle: Path, out: Path, *paths: object) -> int:
    return main(["predict", str(bundle), *map(str, paths), "--out", str(out)])


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The pictures that ran through the network."""
    pictures: list[object] = []
    whole = Predictor.predict_array

    def noted(predictor: Predictor, image: object, **named: object) -> object:
        pictures.append(image)
        return whole(predictor, image, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Predictor, "predict_array", noted)
    return pictures


def test_every_input_stands_in_one_table_with_what_is_known_of_it(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite_card(bundle, familiarity=familiarity_of(1e6).model_dump())  # calls everything unlike its streets
    photos = write_photos(tmp_path / "photos", 4)
    photos[1].write_bytes(b"no picture")
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 36.0)})
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:01:02 03:04:05"
    with Image.open(photos[0]) as image:
        image.save(photos[0].with_suffix(".jpg"), exif=exif)
    photos[0].unlink()
    photos[0] = photos[0].with_suffix(".jpg")
    (tmp_path / "photos" / "left.heic").touch()
    out = tmp_path / "out"
    assert predict(bundle, out, tmp_path / "photos") == 1
    assert_complete(out, [*map(str, photos), str(tmp_path / "photos" / "left.heic")])
    assert "not a JPEG, PNG, WEBP, HEIC or AVIF" in errors(out)[str(photos[1])]
    assert "3 of them are unlike the streets that the model learnt from" in capsys.readouterr().out
    first, upright = results(out)[0], results(out)[1]
    assert (first["unfamiliar"], float(str(first["familiarity"])) < 1e6) == (True, True)
    card = read_card(bundle)
    assert (first["width"], first["height"], upright["width"], upright["height"]) == (96, 64, 64, 96)
    assert first["model"] == card.name
    assert first["model_sha256"] == card.files["model.onnx"]
    assert first["bytes"] == photos[0].stat().st_size
    assert sum(float(str(first[f"share_{name}"])) for name in card.taxonomy.names) == pytest.approx(1)
    assert (first["latitude"], first["longitude"]) == (pytest.approx(-33.856667), pytest.approx(151.21))
    assert str(first["taken"]) == "2026-01-02 03:04:05"
    assert (upright["latitude"], upright["taken"]) == (None, None)
    assert float(str(first["milliseconds"])) > 0


def test_what_is_done_is_not_done_again_unless_something_changed(
    bundle: Path, tmp_path: Path, labelled: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    out = tmp_path / "out"

    def run(*options: str, model: Path = bundle) -> int:
        before = len(labelled)
        assert predict(model, out, tmp_path / "photos", *options) == 0
        assert_complete(out, [str(photo) for photo in photos])
        tests_of_itself = 1  # by the model, when it is loaded
        return len(labelled) - before - tests_of_itself

    assert run() == 3
    before = content_of(out)
    assert run() == 0
    assert "3 masks are in" in (said := capsys.readouterr().out)
    assert "3 of them from before" in said
    assert {k: v for k, v in content_of(out).items() if k.endswith(".png")} == {
        k: v for k, v in before.items() if k.endswith(".png")
    }
    photos[0].write_bytes(photos[1].read_bytes())
    assert run() == 1, "another content under the same name"
    (out / "02.png").unlink()
    assert run() == 1, "its mask is gone"
    assert run("--classes") == 3, "other options"
    assert run("--classes") == 0
    assert run("--classes", model=make_bundle(tmp_path, bias=0.5, pixel_budget=96 * 160)) == 3, "another model"
    moved = tmp_path / "moved"
    (tmp_path / "photos").rename(moved)
    (tmp_path / "photos").mkdir()
    assert predict(bundle, out, moved) == 0
    assert predict(bundle, out, moved) == 0
    assert {Path(str(row["file"])).parent for row in results(out)} == {moved}


def test_what_failed_is_tried_again_and_leaves_the_errors(bundle: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    good = photos[1].read_bytes()
    photos[1].write_bytes(b"no picture")
    out = tmp_path / "out"
    assert predict(bundle, out, tmp_path / "photos") == 1
    photos[1].write_bytes(good)
    assert predict(bundle, out, tmp_path / "photos") == 0
    assert errors(out) == {}
    photos[0].write_bytes(b"damaged since")
    assert predict(bundle, out, tmp_path / "photos") == 1
    assert_complete(out, [str(photo) for photo in photos])


def test_a_list_is_labelled_as_a_tree_with_what_is_missing_in_the_errors(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "ulm" / "a", 2)
    write_photos(tmp_path / "ulm" / "b", 1)
    lines = ["ulm/a/00.png", "ulm/a/01.png", "ulm/b/00.png", "ulm/gone.png"]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "out"
    assert predict(bundle, out, tmp_path / "list.txt", "--format", "coco") == 1
    assert "gone.png: cannot be read (no such file or directory)" in capsys.readouterr().err
    assert '"file_name": "ulm/a/00.png"' in (out / "instances.json").read_text(encoding="utf-8")
    assert predict(bundle, out, tmp_path / "list.txt") == 1
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.png")) == sorted(lines[:3])
    assert_complete(out, [str(tmp_path / line) for line in lines])


def test_what_all_photos_share_is_whole_where_some_are_from_before(bundle: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    for form, shared in (("cvat", "ImageSets/Segmentation/default.txt"), ("coco", "instances.json")):
        out = tmp_path / form
        assert predict(bundle, out, photos[0], "--format", form) == 0
        for _ in range(2):
            assert predict(bundle, out, tmp_path / "photos", "--format", form) == 0
            text = (out / shared).read_text(encoding="utf-8")
            listed = text.split() if form == "cvat" else [one["file_name"] for one in json.loads(text)["images"]]
            assert listed == [photo.stem if form == "cvat" else photo.name for photo in photos]


@pytest.mark.parametrize("table", ["results.parquet", "errors.parquet", "run.sqlite"])
def test_a_table_of_the_user_s_stays(
    bundle: Path, tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "photos", 1)
    out = tmp_path / "out"
    out.mkdir()
    (out / table).write_bytes(b"the user's own numbers, not ours" * 40)
    before = content_of(out)
    assert predict(bundle, out, tmp_path / "photos") == 2
    assert table in (said := capsys.readouterr().err)
    assert len(said.strip().splitlines()) == 1
    assert content_of(out) == before


def test_a_database_of_the_user_s_stays(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (out := tmp_path / "out").mkdir()
    with sqlite3.connect(out / RECORD_FILE) as db:
        db.execute("CREATE TABLE mine (a)")
    db.close()
    before = content_of(out)
    assert predict(bundle, out, *write_photos(tmp_path / "photos", 1)) == 2
    assert "is not ours" in capsys.readouterr().err
    assert content_of(out) == before


def test_two_at_once_do_not_write_into_one_folder(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    out = tmp_path / "out"
    assert predict(bundle, out, *photos) == 0
    with sqlite3.connect(out / RECORD_FILE) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert predict(bundle, out, *photos) == 2
    db.close()
    assert "another predict writes there" in capsys.readouterr().err


# A command that kills itself when so many photos are labelled.
KILLED = """
import os, signal, sys
from modelisation.__main__ import main
from modelisation.labelling.record import Record
done, left = Record.done, [int(sys.argv[1])]
def count(*values):
    done(*values)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
Record.done = count
sys.exit(main(sys.argv[2:]))
"""


def test_a_command_that_is_killed_twice_is_completed_by_the_third(bundle: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 40)
    photos[7].write_bytes(b"no picture")
    out = tmp_path / "out"
    arguments = ["predict", str(bundle), str(tmp_path / "photos"), "--out", str(out)]
    environment = {**os.environ, "OF_THIS_TEST": str(tmp_path)}
    for workers in (["--workers", "1"], []):
        command = [sys.executable, "-c", KILLED, "12", *arguments, *workers]
        killed = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=200
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    wait_until(lambda: not left_over("OF_THIS_TEST", str(tmp_path)), "the processes of the pool to end")
    assert 24 <= len(list(out.glob("*.png"))) < 39
    assert main(arguments) == 1
    assert_complete(out, list(map(str, photos)))
    assert set(errors(out)) == {str(photos[7])}
    assert labels_in(out) == [f"{photo.stem}.png" for photo in photos if photo != photos[7]]


def left_over(name: str, value: str) -> list[psutil.Process]:
    """Processes with this in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
