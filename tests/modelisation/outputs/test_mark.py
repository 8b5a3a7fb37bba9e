"""The mark of a folder: nothing is filled or emptied that does not carry it, however its path is spelt."""

import json
import os
from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.outputs.mark import (
    MARK_FILE,
    Mark,
    check_free,
    claim,
    empty,
    lies_in,
    read_mark,
    release,
    remove,
)

RUN = Mark(kind="run")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder with files of the user's."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "photo.png").write_bytes(b"photo")
    return folder


def test_a_new_or_empty_folder_is_claimed_and_known_again(tmp_path: Path) -> None:
    claim(tmp_path / "a" / "run", Mark(kind="run", splits={"val": "0"}))
    assert read_mark(tmp_path / "a" / "run") == Mark(kind="run", splits={"val": "0"})
    (tmp_path / "empty").mkdir()
    claim(tmp_path / "empty", RUN)
    claim(tmp_path / "empty", RUN)


@pytest.mark.parametrize("call", [lambda f: claim(f, RUN), lambda f: empty(f, "run"), lambda f: remove(f, "run")])
def test_a_folder_of_the_users_stays_as_it_is(theirs: Path, call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=r"theirs holds files that are not ours \(photo\.png\) and stays as it is"):
        call(theirs)
    assert [path.name for path in theirs.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", "no JSON", '{"kind": "run"}x', '{"made_by": "somebody", "kind": "run"}', '{"made_by": "streetseg"}'],
)
def test_a_run_json_of_somebody_else_is_no_mark(theirs: Path, content: str) -> None:
    (theirs / MARK_FILE).write_text(content, encoding="utf-8")
    assert read_mark(theirs) is None
    with pytest.raises(UserError, match="not ours"):
        remove(theirs, "run")
    assert (theirs / MARK_FILE).read_text(encoding="utf-8") == content


def test_a_mark_says_by_which_command(tmp_path: Path) -> None:
    claim(tmp_path / "run", RUN)
    with pytest.raises(UserError, match=r"made by another command \(run\)"):
        remove(tmp_path / "run", "search")
    assert read_mark(tmp_path / "run") == RUN


def test_a_marked_folder_is_emptied_and_removed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, RUN)
    (run / "checkpoint").mkdir()
    (run / "checkpoint" / "weights").write_bytes(b"")
    empty(run, "run")
    assert list(run.iterdir()) == []
    claim(run, RUN)
    remove(run, "run")
    assert not run.exists()
    remove(run, "run")  # what is not there needs no removing


def test_what_a_link_in_a_marked_folder_points_to_stays(theirs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, RUN)
    (run / "data").symlink_to(theirs, target_is_directory=True)
    (run / "photo").symlink_to(theirs / "photo.png")
    remove(run, "run")
    assert (theirs / "photo.png").read_bytes() == b"photo"


def test_a_link_to_a_marked_folder_is_emptied_and_stays_a_link(tmp_path: Path) -> None:
    claim(tmp_path / "disk", RUN)
    (tmp_path / "run").symlink_to(tmp_path / "disk", target_is_directory=True)
    remove(tmp_path / "run", "run")
    assert list((tmp_path / "disk").iterdir()) == []
    claim(tmp_path / "run", RUN)
    assert read_mark(tmp_path / "disk") == RUN


def test_release_leaves_what_others_put_there(tmp_path: Path) -> None:
    claim(tmp_path / "run", RUN)
    (tmp_path / "run" / "notes.txt").write_text("mine", encoding="utf-8")
    release(tmp_path / "run")
    assert (tmp_path / "run" / "notes.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "run" / "notes.txt").unlink()
    release(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_is_no_folder(theirs: Path) -> None:
    with pytest.raises(UserError, match=r"photo\.png is no folder"):
        check_free(theirs / "photo.png", "run")


@pytest.mark.parametrize("spelling", ["data", "run/../data", "link", "run/inside/data", "link/train"])
def test_a_folder_that_holds_an_input_is_refused_however_it_is_spelt(tmp_path: Path, spelling: str) -> None:
    run = tmp_path / "run"
    claim(run, RUN)
    for folder in (run / "inside" / "data" / "train", tmp_path / "link_target"):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(run / "inside" / "data", target_is_directory=True)
    (tmp_path / "data").symlink_to(tmp_path / "link", target_is_directory=True)
    with pytest.raises(UserError, match="which is read here"):
        check_free(run, "run", [tmp_path / spelling])


def test_a_relative_path_is_seen_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    assert lies_in(Path("."), tmp_path)
    assert lies_in(Path("not there yet"), tmp_path / "data")
    assert not lies_in(Path(".."), tmp_path / "data")
    assert os.path.samefile(".", tmp_path / "data")


def test_the_mark_can_be_read_by_people(tmp_path: Path) -> None:
    claim(tmp_path / "run", RUN)
    stored = json.loads((tmp_path / "run" / MARK_FILE).read_text(encoding="utf-8"))
    assert (stored["made_by"], stored["kind"]) == ("streetseg", "run")
