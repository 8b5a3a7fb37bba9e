"""Several photos at a time come out in their order, each as it is labelled alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.predictor import Prediction, Predictor
from back.runtime.taxonomy import STREET8
from modelisation.labelling.label_photos import label_photos
from tests.bundles import make_bundle, paint, stripes


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor.load(make_bundle(tmp_path_factory.mktemp("bundle")))


def write_photos(folder: Path, count: int) -> list[Path]:
    """Photos of which each third is upright, no two alike."""
    paths = []
    for index in range(count):
        height, width = (96, 64) if index % 3 == 2 else (64, 96)
        pixels = np.roll(paint(stripes(height, width, 8), STREET8), 5 * index, axis=1)
        paths.append(folder / f"{index:02d}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_each_photo_has_the_labels_that_it_has_alone_in_the_order_given(predictor: Predictor, tmp_path: Path) -> None:
    photos = write_photos(tmp_path, 20)
    photos = [*photos[7:], *photos[:7]]
    found = list(label_photos(predictor, photos))
    assert [path for path, _ in found] == photos
    for path, prediction in found:
        assert isinstance(prediction, Prediction)
        np.testing.assert_array_equal(
            prediction.labels_HW, predictor.predict_array(np.array(Image.open(path))).labels_HW
        )


def test_a_file_that_cannot_be_read_is_told_in_its_place(predictor: Predictor, tmp_path: Path) -> None:
    photos = write_photos(tmp_path, 4)
    photos[0].write_bytes(b"no picture")
    photos[2].unlink()
    found = [prediction for _, prediction in label_photos(predictor, photos)]
    assert [isinstance(one, UserError) for one in found] == [True, False, True, False]
    assert "cannot be read (no such file or directory)" in str(found[2])


def test_no_more_photos_are_read_than_somebody_waits_for(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_photos(tmp_path, 30)
    read: list[Path] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path), whole(path))[1])
    labelled = label_photos(predictor, photos)
    next(labelled)
    labelled.close()
    assert len(read) <= 8
