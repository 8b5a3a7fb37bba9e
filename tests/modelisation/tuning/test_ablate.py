"""Ablations: every variant is trained alike, once, and the table compares it with the recipe."""

import json
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest

from back.runtime.errors import UserError
from modelisation.__main__ import main
from modelisation.recipe import load_recipe
from modelisation.reports.ablations import ablation_table
from modelisation.training.stopping import Interrupted
from modelisation.tuning import ablate as ablate_module
from modelisation.tuning.ablate import ablate, load_variants
from modelisation.tuning.results import BASELINE, Ablation, Result
from tests.modelisation.tiny import write_data, write_recipe

SHIPPED = sorted((Path(__file__).parents[3] / "modelisation" / "recipes" / "ablations").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path, tracking_uri) -> Path:
    """A recipe, an ablation file with two variants, and a store of the test's own."""
    write_recipe(tmp_path)
    write_plan(tmp_path, {"no dice": ["loss.dice=0"], "slow": ["lr=0.0001"]})
    yield tmp_path
    mlflow.end_run()


def write_plan(folder: Path, variants: dict[str, list[str]]) -> None:
    plan = {"recipe": "tiny.yaml", "overrides": ["epochs=1"], "variants": variants}
    (folder / "plan.yaml").write_text(json.dumps(plan), encoding="utf-8")


@pytest.fixture
def trained(monkeypatch) -> list:
    """Training replaced: the recipes that were trained, in order; mIoU grows with their number."""
    recipes: list = []

    def run(name, recipe, data, run_dir, parent_run, split_sha256):
        recipes.append(recipe)
        record = SimpleNamespace(dataset="scenes")
        return result(name, recipe.seed, len(recipes) / 10, ablate_module._sha256(recipe), split_sha256), record

    monkeypatch.setattr(ablate_module, "_run", run)
    monkeypatch.setattr(ablate_module, "open_dataset", lambda data, *_: SimpleNamespace(split_sha256=data.name))
    return recipes


def result(variant: str, seed: int, miou: float, sha256: str = "0", split_sha256: str = "data") -> Result:
    return Result(
        variant=variant, seed=seed, miou=miou, class_iou={"road": miou}, steps=1250, minutes=4.0, git_commit="c",
        recipe_sha256=sha256, split_sha256=split_sha256,
    )  # fmt: skip


def run_plan(folder: Path, data: str = "data", **options) -> Ablation:
    return ablate(
        folder / "plan.yaml", folder / data, results=folder / "docs" / "a.json", run_dir=folder / "runs", **options
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_variant_is_a_valid_recipe_that_differs(path):
    plan = load_variants(path)
    base = load_recipe(path.parent / plan.recipe, plan.overrides)
    assert (base.train_split, base.val_split) == ("devtrain", "dev")
    assert "Expect" in path.read_text(encoding="utf-8").split("\nrecipe:")[0]
    recipes = [load_recipe(path.parent / plan.recipe, [*plan.overrides, *v]) for v in plan.variants.values()]
    assert all(recipe != base for recipe in recipes)
    assert len({recipe.model_dump_json() for recipe in recipes}) == len(recipes)


def test_the_recipe_itself_and_every_variant_are_trained_with_every_seed(folder, trained):
    ablation = run_plan(folder, seeds=2)
    assert [(r.variant, r.seed) for r in ablation.results] == [
        (name, seed) for seed in (1, 2) for name in (BASELINE, "no dice", "slow")
    ]
    assert [r.epochs for r in trained] == [1] * 6
    assert [r.loss.dice for r in trained[:3]] == [0.3, 0.0, 0.3]
    stored = json.loads((folder / "docs" / "a.json").read_text(encoding="utf-8"))
    assert stored["plan"]["results"][1]["variant"] == "no dice"


def test_what_is_done_is_not_trained_again(folder, trained):
    run_plan(folder)
    run_plan(folder)
    assert len(trained) == 3
    run_plan(folder, seeds=2)
    assert [r.seed for r in trained[3:]] == [2, 2, 2]
    write_plan(folder, {"no dice": ["loss.dice=0.1"], "fast": ["lr=0.01"]})
    ablation = run_plan(folder)
    assert [r.loss.dice for r in trained[6:]] == [0.1, 0.3]
    assert [(r.variant, r.seed) for r in ablation.results] == [
        (BASELINE, 1),
        (BASELINE, 2),
        ("no dice", 1),
        ("fast", 1),
    ]


def test_results_on_other_data_are_not_taken_for_these(folder, trained):
    run_plan(folder)
    ablation = run_plan(folder, "elsewhere")
    assert len(trained) == 6
    assert {r.split_sha256 for r in ablation.results} == {"elsewhere"}


def test_results_survive_an_interruption(folder, trained, monkeypatch):
    working = ablate_module._run

    def interrupted(name, *arguments):
        if name == "slow":
            raise Interrupted
        return working(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ablate_module, "_run", interrupted)
        with pytest.raises(Interrupted):
            run_plan(folder)
    run_plan(folder)
    assert [r.lr for r in trained] == [2e-3, 2e-3, 1e-4]


def test_a_wrong_override_is_found_before_the_first_run(folder, trained):
    write_plan(folder, {"no dice": ["loss.dice=0"], "typo": ["los.dice=0"]})
    with pytest.raises(UserError, match="los"):
        run_plan(folder)
    assert not trained


def test_the_table_compares_seed_by_seed():
    results = [
        result(BASELINE, 1, 0.50), result(BASELINE, 2, 0.60), result("more", 1, 0.53), result("more", 2, 0.62),
        result("less", 1, 0.48),
    ]  # fmt: skip
    table = ablation_table(Ablation(dataset="camvid", split="dev", results=results))
    assert table.splitlines()[2:5] == [
        "| the recipe | 55.0 |  | 1,250 |",
        "| more | 57.5 | +2.5 ± 0.7 | 1,250 |",
        "| less | 48.0 | -2.0 | 1,250 |",
    ]
    assert "camvid, 2 seeds" in table


def test_one_seed_is_said_to_be_little():
    table = ablation_table(Ablation(dataset="camvid", split="dev", results=[result(BASELINE, 1, 0.5)]))
    assert "one seed: what lies within a point of the baseline may be chance" in table


def test_the_command_line_trains_and_prints_the_table(folder, capsys):
    data = write_data(folder / "data")
    write_plan(folder, {"no dice": ["loss.dice=0"]})
    results, runs = folder / "a.json", folder / "runs"
    command = ["ablate", folder / "plan.yaml", "--data", data, "--json", results, "--run-dir", runs]
    assert main([str(part) for part in command]) == 0
    assert "| no dice | " in capsys.readouterr().out
    assert not results.with_suffix(".md").exists()
    stored = json.loads(results.read_text(encoding="utf-8"))["plan"]
    assert (stored["dataset"], stored["split"], stored["results"][0]["steps"]) == ("scenes", "val", 3)
    assert not list(runs.rglob("*.safetensors"))
