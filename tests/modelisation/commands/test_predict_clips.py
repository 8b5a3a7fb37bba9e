"""`predict` of clips, as it is called."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.__main__ import main
from tests.clips import make_clip, moving_stripes
from tests.modelisation.commands.folders import content_of, labels_in

NAMES = ["clip.classes.zip", "clip.overlay.mp4", "clip.shares.csv", "run.json"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", moving_stripes(4))


def test_a_clip_becomes_three_files(
    bundle: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["predict", str(bundle), str(clip), "--out", str(out)]
    assert main(arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == NAMES
    printed = capsys.readouterr()
    assert "4 frames of" in printed.out
    assert "4/4" in printed.err, "a bar to the end"
    assert main([*arguments, "--every", "2", "--smooth"]) == 0, "our own files are written anew"
    assert len((out / "clip.shares.csv").read_text(encoding="utf-8").splitlines()) == 3


def test_clips_and_photos_in_one_call(bundle: Path, clip: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "photo.jpg")
    out = tmp_path / "out"
    paths = [str(tmp_path / "photo.jpg"), str(clip)]
    assert main(["predict", str(bundle), *paths, "--out", str(out), "--class-maps", "video"]) == 0
    assert labels_in(out) == ["clip.classes.mkv", "clip.overlay.mp4", "clip.shares.csv", "photo.png"]


def test_a_clip_that_is_none_is_named_and_leaves_nothing(
    bundle: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.mov"
    broken.write_bytes(b"no clip")
    assert main(["predict", str(bundle), str(broken), str(clip), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "broken.mov: The clip is no MP4, MOV, WEBM or MKV file" in told
    assert "Traceback" not in told
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "coco"], "--classes and --format are of photos"),
        (["--classes"], "--classes and --format are of photos"),
        (["missing.mp4"], "missing.mp4: no such file"),
        (["other/clip.mkv"], "two clips are called clip"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(
    bundle: Path,
    clip: Path,
    tmp_path: Path,
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other").mkdir()
    Path("other/clip.mkv").write_bytes(clip.read_bytes())
    assert main(["predict", str(bundle), str(clip), *options, "--out", "out"]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


def test_files_of_the_users_stay(
    bundle: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "clip.overlay.mp4").write_bytes(b"the user's")
    before = content_of(out)
    assert main(["predict", str(bundle), str(clip), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert content_of(out) == before
