"""Files in the user's folders: ours are replaced, an input or anybody else's never."""

import json
from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.outputs.files import OutputFolder, check_json_output, write_json
from modelisation.outputs.mark import MARK_FILE, Mark, claim

KEYS = ("model", "scores")


def write(folder: Path, name: str, data: bytes, *inputs: Path) -> None:
    with OutputFolder(folder, inputs) as out:
        out.write(name, data)


def test_our_own_file_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out", "a.png", b"one")
    write(tmp_path / "out", "a.png", b"two")
    assert (tmp_path / "out" / "a.png").read_bytes() == b"two"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", MARK_FILE]


def test_files_of_the_users_beside_ours_stay_and_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"theirs")
    write(tmp_path, "a.png", b"one")
    with pytest.raises(UserError, match=r"b\.png is there already"):
        write(tmp_path, "b.png", b"two")
    assert (tmp_path / "b.png").read_bytes() == b"theirs"


def test_a_file_of_ours_that_the_user_changed_is_the_users(tmp_path: Path) -> None:
    write(tmp_path, "a.png", b"one")
    (tmp_path / "a.png").write_bytes(b"touched up")
    with pytest.raises(UserError, match=r"a\.png is there already"):
        write(tmp_path, "a.png", b"two")
    assert (tmp_path / "a.png").read_bytes() == b"touched up"


def test_what_was_written_before_an_error_is_remembered(tmp_path: Path) -> None:
    def interrupted() -> None:
        with OutputFolder(tmp_path / "out") as out:
            out.write("a.png", b"one")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    write(tmp_path / "out", "a.png", b"two")


@pytest.mark.parametrize("how", ["same", "symlink", "hardlink"])
def test_an_input_is_never_written_over(tmp_path: Path, how: str) -> None:
    photo = tmp_path / "photos" / "a.png"
    photo.parent.mkdir()
    photo.write_bytes(b"photo")
    out = tmp_path / "out"
    out.mkdir()
    if how == "symlink":
        (out / "a.png").symlink_to(photo)
    elif how == "hardlink":
        (out / "a.png").hardlink_to(photo)
    folder = photo.parent if how == "same" else out
    with pytest.raises(UserError, match="is read here and would be written over"):
        write(folder, "a.png", b"mask", photo)
    assert photo.read_bytes() == b"photo"


def test_what_a_link_points_to_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    for target in ("notes", "nowhere"):
        (tmp_path / "out" / f"{target}.png").symlink_to(tmp_path / target)
        with pytest.raises(UserError, match="is there already"):
            write(tmp_path / "out", f"{target}.png", b"mask")
    assert (tmp_path / "notes").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


def test_the_folder_of_a_run_is_no_place_for_files(tmp_path: Path) -> None:
    claim(tmp_path / "run", Mark(kind="run"))
    with pytest.raises(UserError, match=r"made by another command \(run\)"):
        OutputFolder(tmp_path / "run")


def test_a_run_json_of_the_users_stays(tmp_path: Path) -> None:
    (tmp_path / MARK_FILE).write_text('{"runs": 3}', encoding="utf-8")
    with pytest.raises(UserError, match=r"run\.json is not ours"):
        write(tmp_path, "a.png", b"mask")
    assert [path.name for path in tmp_path.iterdir()] == [MARK_FILE]


def test_a_record_replaces_an_earlier_one_and_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.json"
    for score in (1, 2):
        write_json(path, {"model": "a", "scores": [score]}, KEYS)
    assert json.loads(path.read_text(encoding="utf-8"))["scores"] == [2]
    (tmp_path / "empty.json").touch()
    write_json(tmp_path / "empty.json", {"model": "a", "scores": []}, KEYS)
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("content", ['{"model": "a"}', "[1, 2]", "notes", "{}", '{"source": "street8"}'])
def test_another_file_is_no_place_for_a_record(tmp_path: Path, content: str) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="was not written by this command"):
        write_json(path, {"model": "a", "scores": []}, KEYS)
    assert path.read_text(encoding="utf-8") == content


def test_a_record_is_not_written_over_an_input(tmp_path: Path) -> None:
    record = tmp_path / "before.json"
    write_json(record, {"model": "a", "scores": []}, KEYS)
    (tmp_path / "link.json").symlink_to(record)
    with pytest.raises(UserError, match="is read here"):
        check_json_output(tmp_path / "link.json", KEYS, [record])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        check_json_output(tmp_path, KEYS)


def test_a_device_takes_a_record() -> None:
    write_json(Path("/dev/null"), {"model": "a", "scores": []}, KEYS)
    assert Path("/dev/null").exists()


def test_a_name_that_is_not_utf8_is_remembered(tmp_path: Path) -> None:
    write(tmp_path / "out", "caf\udce9.png", b"one")
    write(tmp_path / "out", "caf\udce9.png", b"two")
    write(tmp_path / "out", "a.png", b"one")
    assert (tmp_path / "out" / "caf\udce9.png").read_bytes() == b"two"


def test_where_no_record_can_be_made_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(UserError, match=r"photo\.jpg is no folder; choose another file"):
        check_json_output(tmp_path / "photo.jpg" / "deep" / "scores.json", KEYS)
    with pytest.raises(UserError, match="was not written by this command"):
        check_json_output(tmp_path / "deep.json", KEYS)
    check_json_output(tmp_path / "new" / "deep" / "scores.json", KEYS)
