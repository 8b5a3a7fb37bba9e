"""Drives: one street seen from a camera that moves, with labels as exact as those of single scenes."""

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from modelisation.__main__ import main
from modelisation.scenes.drive import render_drive
from modelisation.scenes.render import Scene


@pytest.fixture(scope="module")
def drive() -> list[Scene]:
    return list(render_drive(1, 4, 60, 80))


def test_a_frame_is_like_the_one_before_it_and_not_the_same(drive: list[Scene]) -> None:
    other = next(render_drive(2, 1, 60, 80))
    for one, following in itertools.pairwise(drive):
        same = (one.label_ids == following.label_ids).mean()
        assert 0.75 < same < 1
        assert (
            np.abs(one.image.astype(int) - following.image).mean()
            < 0.7 * np.abs(one.image.astype(int) - other.image).mean()
        )


def test_a_drive_is_the_same_each_time_and_begins_alike_whatever_its_length(drive: list[Scene]) -> None:
    again = list(render_drive(1, 2, 60, 80))
    for one, other in zip(drive, again, strict=False):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.label_ids, other.label_ids)


@pytest.mark.parametrize(("seed", "frames"), [(-1, 2), (0, 0), (0, 10_000)])
def test_what_cannot_be_driven_is_a_sentence(seed: int, frames: int) -> None:
    with pytest.raises(UserError, match=r"seed is a non-negative integer|a drive has 1 to \d+ frames"):
        next(render_drive(seed, frames, 60, 80))


def test_the_command_writes_a_clip_and_its_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scenes", str(tmp_path / "drive"), "--drive", "3", "--size", "60", "80"]
    assert main(arguments) == 0
    assert main(arguments) == 0, "our own is rendered again"
    pictures = sorted((tmp_path / "drive" / "leftImg8bit" / "val" / "scenes").iterdir())
    with av.open(str(tmp_path / "drive" / "drive.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(frames) == len(pictures) == 3
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.astype(int) - np.asarray(Image.open(picture))).mean() < 8
    assert len(list((tmp_path / "drive" / "gtFine" / "val" / "scenes").glob("*_labelIds.png"))) == 3
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "drive.mp4").write_bytes(b"the user's")
    assert main(["scenes", str(tmp_path / "other"), *arguments[2:]]) == 2
    assert "is there already" in capsys.readouterr().err
