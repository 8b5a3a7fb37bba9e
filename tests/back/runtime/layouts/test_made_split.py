"""The split that is made of pictures without splits: by clips, the same every time, and said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.layouts import folder
from back.runtime.layouts.folder import clip_of
from back.runtime.layouts.made_split import make_split
from back.runtime.layouts.recognise import list_split
from tests.back.runtime.layouts.test_listing import files

frames = st.sets(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 60)), min_size=2, max_size=80)


@given(frames)
def test_no_clip_is_on_both_sides_and_none_is_lost(chosen: set[tuple[str, int]]) -> None:
    names = [f"{clip}_{frame:04d}" for clip, frame in chosen]
    made = make_split(names, clip_of)
    assert made is not None
    val = {name for name in names if made.split_of(name) == "val"}
    assert 0 < len(val) < len(names)
    if len({clip_of(name) for name in names}) > 1:
        assert not {clip_of(name) for name in val} & {clip_of(name) for name in set(names) - val}


@given(frames, st.randoms())
def test_the_order_of_the_names_does_not_matter(chosen: set[tuple[str, int]], random) -> None:  # type: ignore[no-untyped-def]
    names = [f"{clip}_{frame:04d}" for clip, frame in chosen]
    shuffled = random.sample(names, len(names))
    assert make_split(shuffled, clip_of) == make_split(names, clip_of)


def test_the_split_of_these_names_never_changes() -> None:
    names = [f"{clip}_{frame}" for clip in ("ulm", "bonn", "jena", "kiel", "hamm") for frame in range(4)]
    made = make_split(names, clip_of)
    assert made is not None
    assert {clip_of(name) for name in made.val} == {"ulm"}
    assert made.rule == "whole clips, drawn with seed 0: train 16 pictures of 4 clips, val 4 pictures of 1 clip"


def test_a_fifth_of_many_clips_is_held_out_and_the_seed_says_which() -> None:
    names = [f"clip{clip}x_{frame}" for clip in range(100) for frame in range(5)]
    first, second = (make_split(names, clip_of, seed) for seed in (0, 1))
    assert first is not None
    assert second is not None
    assert len(first.val) == len(second.val) == 100
    assert first.val != second.val


def test_a_clip_of_most_pictures_is_trained_on() -> None:
    names = [f"long_{i}" for i in range(90)] + [f"short_{i}" for i in range(10)]
    made = make_split(names, clip_of)
    assert made is not None
    assert {clip_of(name) for name in made.val} == {"short"}


def test_of_a_single_clip_the_last_frames_are_held_out_by_their_numbers() -> None:
    made = make_split([f"drive_{i}" for i in range(1, 13)], clip_of)
    assert made is not None
    assert made.val == {"drive_11", "drive_12"}
    assert "all names are of one clip, so its last 2 pictures, from drive_11 on, are val" in made.rule


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"]])
def test_one_picture_makes_no_split(names: list[str]) -> None:
    assert make_split(names, clip_of) is None


def test_pictures_and_labels_of_a_folder_are_split_alike(tmp_path: Path) -> None:
    names = [f"{clip}_{frame}" for clip in "abcd" for frame in range(3)]
    files(tmp_path, *(f"{kind}/{name}.png" for kind in ("images", "labels") for name in names))
    parts = {split: list_split(folder, tmp_path, split).pairs for split in ("train", "val", "all", "vall", "test")}
    assert sorted(p.name for split in ("train", "val") for p in parts[split]) == names
    assert [p.name for p in parts["all"]] == names
    assert all(p.image and p.label and p.image.stem == p.label.stem for pairs in parts.values() for p in pairs)
    assert (parts["vall"], parts["test"]) == ((), ())


def test_the_rule_says_how_to_do_otherwise(tmp_path: Path) -> None:
    files(tmp_path, "images/a_1.png", "images/b_1.png")
    assert folder.split_rule(tmp_path) == (
        f"{tmp_path}/images comes without splits, so it was split here: whole clips, drawn with seed 0: train "
        "1 picture of 1 clip, val 1 picture of 1 clip. The split all takes every picture; for a split of your own "
        "make train/images, train/labels, val/images and val/labels"
    )
    files(tmp_path, "val/images/c_1.png")
    assert folder.split_rule(tmp_path) == ""
