"""Training until a goal: all ways begin alike, take turns, and end at the goal or with their budget."""

from pathlib import Path
from typing import Any

import pytest
import torch

from modelisation.data.open import open_dataset
from modelisation.recipe import Recipe
from modelisation.reports.to_quality import OURS, to_quality_lines, to_quality_table
from modelisation.training.setup import build_from_recipe
from tests.api import empty_database
from tests.benchmarks.plain_recipes import PLAIN, Crops, begin
from tests.benchmarks.to_quality import Course, _take_turns, run_once
from tests.modelisation.conftest import tracking_uri
from tests.modelisation.convolutions import make_known
from tests.modelisation.tiny import TINY, write_data

__all__ = ["empty_database", "tracking_uri"]
make_known()
RECIPE = Recipe.model_validate(TINY | {"epoch_samples": 4})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("streets"))


def test_an_example_begins_with_the_weights_that_the_recipe_begins_with(data: Path) -> None:
    train_set = open_dataset(data, "train", RECIPE.taxonomy)
    first = begin(RECIPE, train_set).state_dict()
    torch.manual_seed(RECIPE.seed)
    ours = build_from_recipe(RECIPE, train_set.taxonomy).state_dict()
    assert first.keys() == ours.keys()
    assert all(torch.equal(first[name], ours[name]) for name in first)


def test_crops_keep_picture_and_label_together(data: Path) -> None:
    train_set = open_dataset(data, "train", RECIPE.taxonomy)
    image_3HW, label_HW = Crops(train_set, (64, 96), begin(RECIPE, train_set))[0]
    assert image_3HW.shape == (3, 64, 96)
    assert image_3HW.dtype == torch.float32
    assert label_HW.shape == (64, 96)
    assert label_HW.dtype == torch.int64
    assert len(label_HW.unique()) > 1


def test_every_way_trains_to_its_last_epoch_where_the_goal_is_out_of_reach(data: Path, tracking_uri: str) -> None:
    kept: list[list[int]] = []
    courses = run_once(RECIPE, data, 1.1, lambda now: kept.append([len(course.points) for course in now.values()]))
    assert kept[0] == [1, 1, 1], "what was trained is kept after each turn"
    assert set(courses) == {OURS, *PLAIN}
    for course in courses.values():
        assert len(course.points) == RECIPE.epochs
        assert 0 < course.points[0][0] < course.points[1][0], "seconds add up"
        assert all(0 <= miou <= 1 for _, miou in course.points)


def test_a_way_stops_at_the_goal(data: Path, tracking_uri: str) -> None:
    courses = run_once(RECIPE, data, 0.0)
    assert [len(course.points) for course in courses.values()] == [1, 1, 1]


def test_a_way_that_took_far_longer_than_ours_is_not_waited_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 4})
    train_set, val_set = (open_dataset(data, split, recipe.taxonomy) for split in ("train", "val"))
    courses = {name: Course() for name in (OURS, *PLAIN)}
    monkeypatch.setattr("tests.benchmarks.to_quality.learn", lambda *_: iter([(10.0, 0.1)] * 4))
    turns = _take_turns(courses, recipe, train_set, val_set, 0.5)
    next(turns)
    courses[OURS].add(7.0, 0.6)
    assert list(turns) == [None]
    assert [len(course.points) for course in courses.values()] == [1, 2, 2]


def report(*rounds: dict[str, list[list[float]]]) -> dict[str, Any]:
    return {
        "goal": 0.6, "seeds": {str(seed): one for seed, one in enumerate(rounds, start=1)}, "recipe": "r",
        "epochs": 2, "pictures": 8, "data": "d", "threads": 1, "load": 1.0, "date": "d", "git_commit": "c",
        "git_dirty": False, "machine": {"processor": "x", "cores": 2},
    }  # fmt: skip


def test_the_table_pairs_each_seed_and_says_who_did_not_reach_it() -> None:
    lines = to_quality_table(
        report(
            {OURS: [[10.0, 0.5], [20.0, 0.62]], "other": [[30.0, 0.5], [60.0, 0.62]]},
            {OURS: [[10.0, 0.60]], "other": [[30.0, 0.3], [50.0, 0.4]]},
        )
    )
    assert lines[2] == "| StreetSeg | 15 |  | 2 of 2 | 61.0 |  |"
    assert lines[3] == "| other | at least 55 | at least 4.00 | 1 of 2 | 51.0 | 4.00 |"


def test_without_ours_at_the_goal_there_is_no_ratio() -> None:
    lines = to_quality_table(report({OURS: [[10.0, 0.5]], "other": [[30.0, 0.7]]}))
    assert lines[2] == "| StreetSeg | at least 10 |  | 0 of 1 | 50.0 |  |"
    assert lines[3] == "| other | 30 |  | 1 of 1 | 70.0 |  |"


def test_where_nobody_reached_the_goal_ways_are_compared_at_the_others_best() -> None:
    lines = to_quality_table(report({OURS: [[10.0, 0.2], [20.0, 0.5]], "other": [[30.0, 0.3], [60.0, 0.4]]}))
    assert lines[3] == "| other | at least 60 |  | 0 of 1 | 40.0 | 3.00 |"


def test_without_a_report_the_table_says_how_to_measure(tmp_path: Path) -> None:
    assert to_quality_lines(tmp_path / "none.json") == ["Not measured yet: `python -m tests.benchmarks.to_quality`."]
