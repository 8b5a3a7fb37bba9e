"""Which runs come before a recipe's own."""

from pathlib import Path

import pytest

from back.runtime.card import CARD_FILE
from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY
from modelisation.recipe import load_recipe
from modelisation.training.earlier import Run, default_run_dir, earlier_runs
from tests.modelisation.tiny import write_recipe


def chain(folder: Path, *names: str) -> Path:
    """Recipes of which each begins with the run of the one before it, in `folder/runs`; gives the last one's file."""
    before = None
    for name in names:
        file = write_recipe(folder, init_from=str(folder / "runs" / before) if before else None)
        file = file.rename(folder / f"{name.replace('-', '_')}.yaml")
        before = name
    return file


def names_of(runs: list[Run]) -> list[str]:
    return [run.run_dir.name for run in runs]


def test_what_a_recipe_begins_with_comes_first(tmp_path: Path) -> None:
    last = chain(tmp_path, "first", "first-streets", "first-weather")
    runs = earlier_runs(last, ["epochs=3"])
    assert names_of(runs) == ["first", "first-streets"]
    assert [run.recipe.epochs for run in runs] == [3, 3], "what is set holds for every one"
    assert runs[0].recipe.init_from is None
    assert str(runs[1].run_dir) == load_recipe(last).init_from


def test_the_chain_ends_at_a_run_that_is_done(tmp_path: Path) -> None:
    last = chain(tmp_path, "first", "second", "third")
    bundle = tmp_path / "runs" / "first" / "bundle"
    bundle.mkdir(parents=True)
    assert names_of(earlier_runs(last)) == ["first", "second"], "a bundle without a card is not done"
    (bundle / CARD_FILE).write_text("{}")
    assert names_of(earlier_runs(last)) == ["second"]
    (tmp_path / "runs" / "second").mkdir()
    (tmp_path / "runs" / "second" / CARD_FILE).write_text("{}")  # a bundle itself
    assert earlier_runs(last) == []


def test_a_recipe_of_its_own_has_none_before_it(tmp_path: Path) -> None:
    assert earlier_runs(write_recipe(tmp_path)) == []


def test_a_run_without_a_recipe_is_named_where_it_is_missing(tmp_path: Path) -> None:
    last = chain(tmp_path, "first", "second")
    (tmp_path / "first.yaml").unlink()
    with pytest.raises(
        UserError, match=r"second\.yaml: begins with .*first; neither that run nor its recipe, .*first\.yaml"
    ):
        earlier_runs(last)


def test_recipes_that_begin_with_each_other_are_refused(tmp_path: Path) -> None:
    last = chain(tmp_path, "first", "second")
    write_recipe(tmp_path, init_from=str(tmp_path / "runs" / "second")).rename(tmp_path / "first.yaml")
    with pytest.raises(
        UserError, match=r"first\.yaml: begins with the run of second\.yaml, which begins with this one"
    ):
        earlier_runs(last)


@pytest.mark.parametrize(
    "recipe", sorted((REPOSITORY / "modelisation" / "recipes").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_shipped_recipe_finds_what_it_begins_with(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "is_done", False)
    runs = earlier_runs(recipe)
    assert all(run.run_dir == default_run_dir(recipe.with_name(run.run_dir.name.replace("-", "_"))) for run in runs)
    assert not (runs or [Run(load_recipe(recipe), recipe)])[0].recipe.init_from
