"""`scenes` as it is called."""

from pathlib import Path

import pytest

from modelisation.__main__ import main
from modelisation.data.open import open_dataset
from tests.modelisation.commands.folders import content_of


def test_a_data_set_is_rendered_that_can_be_opened(tmp_path: Path) -> None:
    assert main(["scenes", str(tmp_path / "scenes"), "--count", "2", "--size", "48", "96"]) == 0
    dataset = open_dataset(tmp_path / "scenes", "train")
    assert (len(dataset), dataset.dataset) == (2, "scenes")
    assert dataset[0].image.shape == (48, 96, 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--count", "0"], "wanted at least one scene"),
        (["--size", "8", "96"], "wanted at least one scene of 16 x 16 pixels"),
        (["--count", "1", "--val", "-1"], "cannot be negative"),
        (["--count", "1", "--seed", "-1"], "seed is a non-negative integer, not -1"),
    ],
)
def test_what_cannot_be_rendered_is_a_sentence(
    tmp_path: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", str(tmp_path / "scenes"), *options]) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "scenes").exists()


def test_scenes_of_the_users_are_not_drawn_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scenes", str(tmp_path / "city"), "--count", "1", "--size", "32", "64"]
    assert main(arguments) == 0
    assert main(arguments) == 0, "our own are drawn again"
    (tmp_path / "city" / "run.json").unlink()
    before = content_of(tmp_path)
    assert main([*arguments, "--seed", "1"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert content_of(tmp_path) == before


def test_scenes_may_lie_beside_other_cities(tmp_path: Path) -> None:
    (tmp_path / "leftImg8bit" / "train" / "aachen").mkdir(parents=True)
    (tmp_path / "leftImg8bit" / "train" / "aachen" / "photo.png").write_bytes(b"photo")
    assert main(["scenes", str(tmp_path), "--count", "1", "--size", "32", "64"]) == 0
    assert (tmp_path / "leftImg8bit" / "train" / "aachen" / "photo.png").read_bytes() == b"photo"
    assert not (tmp_path / "run.json").exists(), "the folder is not ours for that"


def test_scenes_of_two_calls_are_not_mixed_in_two_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scenes", str(tmp_path / "city"), "--val", "1", "--size", "32", "64", "--count"]
    assert main([*arguments, "2"]) == 0
    before = content_of(tmp_path)
    assert main([*arguments, "1"]) == 2, "scene 1 would be in train, from before, and in val"
    assert "is of an earlier call with other numbers of scenes" in capsys.readouterr().err
    assert content_of(tmp_path) == before
    assert main([*arguments, "2"]) == 0


def test_a_file_is_no_folder_of_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    assert main(["scenes", str(tmp_path / "photo.jpg"), "--count", "1", "--size", "32", "64"]) == 2
    assert "photo.jpg is no folder; choose another name" in capsys.readouterr().err
