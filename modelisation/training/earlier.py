"""The runs that a recipe begins with: the chain from a network's first weights to the recipe's own."""

from dataclasses import dataclass
from pathlib import Path

from back.runtime.card import CARD_FILE
from back.runtime.errors import UserError
from modelisation.export.run_folder import bundle_of
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Recipe, load_recipe
from modelisation.training import checkpoint


@dataclass(frozen=True)
class Run:
    """A recipe and the folder that it is trained into."""

    recipe: Recipe
    run_dir: Path

    @property
    def is_done(self) -> bool:
        """Whether a later run can begin with it."""
        return (bundle_of(self.run_dir) / CARD_FILE).is_file()

    @property
    def has_begun(self) -> bool:
        """Whether it can go on from a checkpoint, and is not done."""
        return checkpoint.exists(self.run_dir) and not self.is_done


def default_run_dir(recipe_file: Path) -> Path:
    """Where the run of a recipe file is looked for by those that begin with it."""
    return REPOSITORY / "runs" / recipe_file.stem.replace("_", "-")


def earlier_runs(recipe_file: Path, overrides: list[str] | None = None) -> list[Run]:
    """The runs that come before a recipe's own, in the order in which they are trained.

    A recipe names the run that it begins with as `init_from`. The recipe of that run lies beside it, under the name
    of the run's folder: `runs/segformer-scenes` is trained by `segformer_scenes.yaml`. The chain ends at a recipe
    that begins with no run, and at a run that is done.

    Args:
        recipe_file: of the last run.
        overrides: `key=value`, for every recipe of the chain, as `load_recipe` takes them.

    Raises:
        UserError: a recipe cannot be read, a run that is not done has no recipe, or recipes begin with each other.
    """
    runs: list[Run] = []
    files = [recipe_file.resolve()]
    recipe = load_recipe(recipe_file, overrides)
    while recipe.init_from:
        run_dir = REPOSITORY / recipe.init_from
        file = files[0].with_name(f"{run_dir.name.replace('-', '_')}.yaml")
        if Run(recipe, run_dir).is_done:
            break
        if not file.is_file():
            raise UserError(f"{files[-1]}: begins with {run_dir}; neither that run nor its recipe, {file}, is there")
        if file in files:
            raise UserError(f"{files[-1]}: begins with the run of {file.name}, which begins with this one")
        files.append(file)
        recipe = load_recipe(file, overrides)
        runs.insert(0, Run(recipe, run_dir))
    return runs
