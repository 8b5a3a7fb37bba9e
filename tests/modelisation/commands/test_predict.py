"""`predict` as it is called: masks of the photos' own size, in colours or as ids, without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.predictor import Predictor
from modelisation.__main__ import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


def test_masks_are_palette_pictures_of_the_photos_size(bundle: Path, photo: Path, tmp_path: Path) -> None:
    assert main(["predict", str(bundle), str(photo), "--out", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert (mask.mode, mask.size) == ("P", (60, 40))
        labels = Predictor.load(bundle).predict(photo.read_bytes(), 10_000).labels_HW
        np.testing.assert_array_equal(np.asarray(mask), labels)


def test_a_photo_that_is_none_is_named_and_the_others_are_written(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    arguments = ["predict", str(bundle), str(tmp_path / "broken.jpg"), str(photo), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--classes"]) == 1
    assert "broken.jpg: " in capsys.readouterr().err
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert mask.mode == "L"


def test_two_photos_of_one_name_are_refused(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = tmp_path / "other" / "photo.png"
    twin.parent.mkdir()
    Image.new("RGB", (4, 4)).save(twin)
    assert main(["predict", str(bundle), str(photo), str(twin), "--out", str(tmp_path / "out")]) == 2
    assert "two photos are called photo" in capsys.readouterr().err


def test_no_torch_is_needed(bundle: Path, photo: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom modelisation.__main__ import main\n"
        f"sys.exit(main(['predict', {str(bundle)!r}, {str(photo)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
