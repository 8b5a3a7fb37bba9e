"""The command line: every command has help with an example, and mistakes are one sentence."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.predictor import Predictor
from modelisation.__main__ import COMMANDS, main
from modelisation.data.open import open_dataset
from tests.bundles import make_bundle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundle(tmp_path) -> Path:
    return make_bundle(tmp_path / "bundles")


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    _, example = capsys.readouterr().out.split("example", 1)
    assert f"python -m modelisation {command} " in example


def test_predict_writes_palette_masks_of_the_photos_size(bundle, photo, tmp_path):
    assert main(["predict", str(bundle), str(photo), "--out", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert (mask.mode, mask.size) == ("P", (60, 40))
        labels = Predictor.load(bundle).predict(photo.read_bytes(), 10_000).labels_HW
        np.testing.assert_array_equal(np.asarray(mask), labels)


def test_predict_goes_on_after_a_photo_that_is_none(bundle, photo, tmp_path, capsys):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    arguments = ["predict", str(bundle), str(tmp_path / "broken.jpg"), str(photo), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--classes"]) == 1
    assert "broken.jpg: " in capsys.readouterr().err
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert mask.mode == "L"


def test_predict_refuses_two_photos_of_one_name(bundle, photo, tmp_path, capsys):
    twin = tmp_path / "other" / "photo.png"
    twin.parent.mkdir()
    Image.new("RGB", (4, 4)).save(twin)
    assert main(["predict", str(bundle), str(photo), str(twin), "--out", str(tmp_path / "out")]) == 1
    assert "two photos are called photo" in capsys.readouterr().err


def test_scenes_renders_a_data_set_that_can_be_opened(tmp_path, capsys):
    assert main(["scenes", str(tmp_path / "scenes"), "--count", "2", "--size", "48", "96"]) == 0
    dataset = open_dataset(tmp_path / "scenes", "train")
    assert (len(dataset), dataset.dataset) == (2, "scenes")
    assert dataset[0].image.shape == (48, 96, 3)


def test_register_puts_a_bundle_into_the_store(bundle, tmp_path, capsys):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert main(["register", str(bundle), "--tracking-uri", uri]) == 0
    assert "version 1 as candidate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "nowhere", "photo.jpg", "--out", "out"], "photo.jpg: no such file"),
        (["evaluate", "nowhere", "--data", "."], "nowhere"),
        (["register", "nowhere"], "nowhere/model.json: no such file"),
        (["scenes", "out", "--count", "0"], "wanted at least one scene"),
        (["export", "nowhere", "--data", "."], "nowhere"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the clone may hold a photo.jpg, as the README's commands have it
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_predict_needs_no_torch(bundle, photo, tmp_path):
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom modelisation.__main__ import main\n"
        f"sys.exit(main(['predict', {str(bundle)!r}, {str(photo)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
