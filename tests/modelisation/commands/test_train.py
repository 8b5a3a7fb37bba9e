"""`train` as it is called: what it refuses before anything is written, and what it leaves alone."""

import gc
import json
import shutil
from pathlib import Path

import mlflow
import pytest
from PIL import Image

from modelisation.__main__ import main
from modelisation.outputs.mark import MARK_FILE, Mark, claim
from modelisation.recipe import load_recipe
from modelisation.training import fit as fit_module
from tests.modelisation.commands.folders import content_of
from tests.modelisation.tiny import SEGFORMER, write_data, write_recipe


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def data(rendered: Path, tmp_path: Path) -> Path:
    """A copy, which a test may lose."""
    return Path(shutil.copytree(rendered, tmp_path / "data"))


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    path = tmp_path / "store" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    yield path
    mlflow.end_run()


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training replaced: a run that was refused takes no step."""

    def tracker(*_: object) -> None:
        raise AssertionError("the run began")

    monkeypatch.setattr(fit_module, "Tracker", tracker)


def train(recipe: Path, data: Path, run_dir: Path, *options: str) -> int:
    return main(["train", str(recipe), "--data", str(data), "--run-dir", str(run_dir), "--no-register", *options])


@pytest.mark.parametrize(("option", "threads"), [((), 3), (("--threads", "2"), 2)])
def test_a_step_takes_the_threads_that_the_process_may_use(  # type: ignore[no-untyped-def]
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option, threads: int
) -> None:
    taken: list[int] = []
    monkeypatch.setattr("back.runtime.process.threads.available_cpus", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("torch.set_num_threads", taken.append)
    assert train(write_recipe(tmp_path), tmp_path / "none", tmp_path / "run", *option) == 2
    assert taken == [threads]


def test_mistakes_are_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = write_recipe(tmp_path), tmp_path / "run"
    assert train(recipe, tmp_path / "none", run) == 2
    assert train(recipe, data, run, "--resume") == 2
    assert train(tmp_path / "no.yaml", data, run) == 2
    assert train(recipe, data, run, "--threads", "0") == 2
    errors = capsys.readouterr().err
    assert "no such folder" in errors
    assert "no checkpoint to resume from" in errors
    assert "no such recipe" in errors
    assert "--threads 0: wanted at least 1" in errors
    assert "Traceback" not in errors
    assert not run.exists()


@pytest.mark.parametrize("spelling", ["data", "link", "data/../data", "data/leftImg8bit/.."])
@pytest.mark.usefixtures("never")
def test_the_data_folder_is_no_run_folder(
    data: Path, tmp_path: Path, spelling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(data, target_is_directory=True)
    before = content_of(data)
    assert train(write_recipe(tmp_path), data, tmp_path / spelling) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert content_of(data) == before


@pytest.mark.usefixtures("never")
def test_the_data_folder_by_a_relative_path_is_no_run_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(data)
    recipe = write_recipe(tmp_path)
    monkeypatch.chdir(data / "gtFine")
    assert train(recipe, data, Path("..")) == 2
    assert content_of(data) == before


@pytest.mark.usefixtures("never")
def test_a_folder_with_files_is_refused_and_nothing_is_lost(
    data: Path, tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "deep").mkdir(parents=True)
    (theirs / "deep" / "thesis.tex").write_text("years of work", encoding="utf-8")
    (theirs / MARK_FILE).write_text('{"my": "own"}', encoding="utf-8")
    before = content_of(theirs)
    assert train(write_recipe(tmp_path), data, theirs) == 2
    error = capsys.readouterr().err
    assert "theirs holds files that are not ours (deep, run.json)" in error
    assert "Traceback" not in error
    assert content_of(theirs) == before
    assert not database.parent.exists()


@pytest.mark.usefixtures("never")
def test_data_inside_a_run_folder_of_ours_is_not_deleted(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, Mark(kind="run"))
    inside = Path(shutil.copytree(data, run / "data"))
    before = content_of(run)
    assert train(write_recipe(tmp_path), inside, run) == 2
    assert content_of(run) == before


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("architecture=unet9000", "unknown architecture 'unet9000'; known: deeplabv3plus, segformer"),
        ("build.hidden_sises=[8, 16, 24, 32]", "has no hidden_sises; change the recipe's build"),
        ("build.variant=b9", "unknown SegFormer variant 'b9'"),
        ("build.hidden_sizes=large", "segformer cannot be built with"),
        ("init_from=nowhere", "init_from"),
        ("batch_size=7", "an epoch of 6 pictures (scenes train) holds no batch of 7"),
        ("train_split=vall", "vall"),
    ],
)
@pytest.mark.usefixtures("never")
def test_what_does_not_go_together_is_found_before_anything_is_written(
    data: Path, tmp_path: Path, database: Path, override: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(write_recipe(tmp_path, **SEGFORMER), data, tmp_path / "run", "--set", override) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert not database.parent.exists()


@pytest.mark.usefixtures("never")
def test_deeplab_does_not_train_on_single_pictures(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, architecture="deeplabv3plus", build={"encoder_weights": None}, batch_size=1)
    assert train(recipe, data, tmp_path / "run") == 2
    assert "batch_size 1: deeplabv3plus normalises one value a picture" in capsys.readouterr().err


def ignore(data: Path, split: str, keep: int) -> None:
    """Blank the labels of a split but for the first `keep`."""
    for path in sorted((data / "gtFine" / split).glob("*/*_labelIds.png"))[keep:]:
        with Image.open(path) as label:
            Image.new("L", label.size, 0).save(path)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.usefixtures("never")
def test_a_split_that_is_all_ignored_is_refused(
    data: Path, tmp_path: Path, split: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ignore(data, split, keep=0)
    assert train(write_recipe(tmp_path), data, tmp_path / "run") == 2
    wanted = f"split {split} teaches and scores nothing: each pixel of its labels ({6 if split == 'train' else 2})"
    assert wanted in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_batches_without_a_labelled_pixel_and_single_pictures_are_trained_on(data: Path, tmp_path: Path) -> None:
    ignore(data, "train", keep=1)
    recipe = write_recipe(tmp_path, batch_size=1, epochs=1, loss={"ohem": 0.5, "dice": 0.3, "lovasz": 0.3})
    fit_module.fit(load_recipe(recipe), data, tmp_path / "run")
    history = json.loads((tmp_path / "run" / "history.json").read_text(encoding="utf-8"))
    assert 0 < history["metrics"]["train_loss"][0][1] < 10


def test_a_run_is_not_resumed_on_other_data_or_without_its_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = write_recipe(tmp_path, epochs=1), tmp_path / "run"
    fit_module.fit(load_recipe(recipe), data, run)
    before = content_of(run)
    for split in ("train", "val"):
        other = Path(shutil.copytree(data, tmp_path / f"other {split}"))
        sorted((other / "leftImg8bit" / split).glob("*/*.png"))[0].unlink()
        assert train(recipe, other, run, "--resume") == 2
        error = capsys.readouterr().err
        assert f"the run began on another {split} split" in error
        assert "resume with the same --data" in error
        assert content_of(run) == before
    moved = Path(shutil.move(data, tmp_path / "elsewhere"))
    fit_module.fit(load_recipe(recipe), moved, run, resume=True)


def test_a_run_from_before_the_mark_is_not_resumed_on_other_data_either(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = write_recipe(tmp_path, epochs=1), tmp_path / "run"
    fit_module.fit(load_recipe(recipe), data, run)
    (run / MARK_FILE).unlink()
    sorted((data / "leftImg8bit" / "train").glob("*/*.png"))[0].unlink()
    assert train(recipe, data, run, "--resume") == 2
    assert "the run began on another train split" in capsys.readouterr().err


def test_one_command_trains_what_a_recipe_begins_with_and_goes_on_where_it_stopped(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_recipe(tmp_path).rename(tmp_path / "first.yaml")
    second = write_recipe(tmp_path, init_from=str(tmp_path / "runs" / "first"))
    options = ("--earlier", "--scores-only", "--set", "epochs=1")

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("modelisation.export.from_run.export_onnx", full)  # after the steps of the first run
        assert train(second, data, tmp_path / "runs" / "second", *options) == 2
    assert not (tmp_path / "runs" / "second").exists()
    assert train(second, data, tmp_path / "runs" / "second", *options) == 0
    said = capsys.readouterr().out
    assert "Run 1 of 2" in said
    assert "Run 2 of 2" in said
    card = json.loads((tmp_path / "runs" / "second" / "bundle" / "model.json").read_text(encoding="utf-8"))
    steps = load_recipe(first).epochs and 3  # six pictures in batches of two
    assert (card["training"]["steps_before"], card["training"]["steps"]) == (steps, steps)
    before = content_of(tmp_path / "runs")
    assert train(second, data, tmp_path / "runs" / "second", *options) == 2, "it is done, and is not trained again"
    assert content_of(tmp_path / "runs") == before
    assert "go on with --resume" in capsys.readouterr().err
    assert train(second, data, tmp_path / "runs" / "second", *options, "--resume") == 0, "exported anew"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train(second, data, tmp_path / "runs" / "third", *options) == 2
    assert "train --earlier runs in one process" in capsys.readouterr().err


def test_nothing_stays_frozen_that_a_library_would_call_leaked_at_the_end(data: Path, tmp_path: Path) -> None:
    assert train(write_recipe(tmp_path), data, tmp_path / "run", "--set", "epochs=1", "--scores-only") == 0
    assert gc.get_freeze_count() == 0
