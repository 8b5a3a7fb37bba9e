"""Files and numbers that people give, of kinds that nobody expects: nothing is lost, a sentence says what to do."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.__main__ import main
from tests.modelisation.commands.folders import content_of, labels_in

EVALUATE = ("evaluate", "BUNDLE", "--data", "SCENES", "--latency-runs", "0")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(folder / name)
    return folder


def predict(bundle: Path, out: Path, *paths: Path) -> int:
    return main(["predict", str(bundle), *map(str, paths), "--out", str(out)])


def test_a_photo_named_twice_is_read_once(bundle: Path, photos: Path, tmp_path: Path) -> None:
    again = tmp_path / "photos" / ".." / "photos" / "a.jpg"
    assert predict(bundle, tmp_path / "out", photos, photos / "a.jpg", again) == 0
    assert labels_in(tmp_path / "out") == ["a.png", "b.png"]


def test_two_photos_of_one_name_are_both_named(
    bundle: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copy(photos / "b.jpg", tmp_path / "a.jpg"))
    assert predict(bundle, tmp_path / "out", photos, other) == 2
    error = capsys.readouterr().err
    assert f"{photos / 'a.jpg'} and {other}" in error
    assert "predict them into two folders" in error


def test_photos_of_any_name_are_predicted_again_and_again(bundle: Path, photos: Path, tmp_path: Path) -> None:
    names = ["caf\udce9.jpg", "x" * 251 + ".jpg", "new\nline.jpg", "-o.jpg"]
    paths = [Path(shutil.copy(photos / "a.jpg", tmp_path / name)) for name in names]
    assert predict(bundle, tmp_path / "out", *paths) == 0
    assert predict(bundle, tmp_path / "out", *paths, photos) == 0
    assert len(labels_in(tmp_path / "out")) == len(names) + 2


def test_a_photo_that_cannot_be_read_leaves_the_others(
    bundle: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = Path.read_bytes

    def gone(path: Path) -> bytes:
        if path.name == "a.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert predict(bundle, tmp_path / "out", photos) == 1
    assert "a.jpg: cannot be read (permission denied); copy it anew" in capsys.readouterr().err
    assert labels_in(tmp_path / "out") == ["b.png"]


@pytest.mark.parametrize("out", ["photos/../photos", "photos/b.jpg", "photos/b.jpg/deep", "hard", "linked"])
def test_masks_take_the_place_of_nothing(bundle: Path, photos: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "hard").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "hard" / "a.png").hardlink_to(photos / "a.jpg")
    (tmp_path / "linked" / "a.png").symlink_to(tmp_path / "nowhere")
    before = content_of(tmp_path)
    assert predict(bundle, tmp_path / out, photos) == 2
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("file", ["photos/a.jpg", "photos/a.jpg/new.json", "photos", "link.json"])
def test_a_record_takes_the_place_of_nothing(
    bundle: Path, photos: Path, scenes: Path, tmp_path: Path, file: str
) -> None:
    (tmp_path / "link.json").symlink_to(photos / "a.jpg")
    before = content_of(tmp_path)
    assert main([*_filled(EVALUATE, bundle, scenes), "--json", str(tmp_path / file)]) == 2
    assert content_of(tmp_path) == before


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ((*EVALUATE, "--pixel-budget", "0"), "--pixel-budget: wanted at least 1, not 0"),
        ((*EVALUATE, "--pixel-budget", "-5"), "--pixel-budget: wanted at least 1, not -5"),
        ((*EVALUATE, "--threads", "0"), "--threads: wanted at least 1, not 0"),
        ((*EVALUATE, "--threads", "two"), "--threads: wanted a whole number, not 'two'"),
        ((*EVALUATE, "--latency-runs", "-3"), "--latency-runs: wanted at least 0, not -3"),
        ((*EVALUATE, "--worst", "-1"), "--worst: wanted at least 0, not -1"),
        (
            ("compare", "BUNDLE", "--data", "SCENES", "--block-frames", "0"),
            "--block-frames: wanted at least 1, not 0",
        ),
        (("doctor", "SCENES", "--workers", "0"), "--workers: wanted at least 1, not 0"),
        (("promote", "BUNDLE", "--data", "SCENES", "--images", "0"), "--images: wanted at least 1, not 0"),
        (("search", "r.yaml", "--data", "SCENES", "--trials", "0"), "--trials: wanted at least 1, not 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_before_the_work(
    bundle: Path, scenes: Path, command: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(_filled(command, bundle, scenes))
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def _filled(command: tuple[str, ...], bundle: Path, scenes: Path) -> list[str]:
    return [{"BUNDLE": str(bundle), "SCENES": str(scenes)}.get(word, word) for word in command]
