"""Scores of a teacher are computed once, found again by the photo's bytes, and carried without the teacher."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import TAXONOMIES
from modelisation.scenes.render import render_scene
from modelisation.training.teachers import kept
from modelisation.training.teachers.kept import open_teacher

STREET8 = TAXONOMIES["street8"]
BUNDLE = Path(__file__).parents[4] / "modelisation" / "bundled" / "segformer"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(2):
        Image.fromarray(render_scene(i, 96, 128).image).save(folder / f"{i}.png")
    return sorted(folder.iterdir())


def test_a_bundle_says_of_a_photo_what_it_serves(tmp_path, photos):
    scores = open_teacher(BUNDLE, STREET8, folder=tmp_path / "kept").load(photos)
    served = Predictor.load(BUNDLE).predict(photos[0].read_bytes(), 1 << 30).labels_HW
    high, wide, classes = scores[0].shape
    assert classes == 8
    rows = ((np.arange(high) + 0.5) * 96 / high).astype(int)
    columns = ((np.arange(wide) + 0.5) * 128 / wide).astype(int)
    assert (scores[0].argmax(-1) == served[np.ix_(rows, columns)]).mean() > 0.95


def test_what_was_computed_is_read_again_and_can_be_carried(tmp_path, photos, monkeypatch):
    first = open_teacher(BUNDLE, STREET8, folder=tmp_path / "kept").load(photos)
    (folder,) = (tmp_path / "kept").iterdir()
    carried = Path(shutil.copytree(folder, tmp_path / "carried"))
    photos[1].rename(photos[1].with_name("renamed.png"))
    photos = [photos[0], photos[1].with_name("renamed.png")]
    monkeypatch.setattr(kept, "BundleTeacher", None)
    scores = open_teacher(carried, STREET8)
    assert scores.record.name == "segformer"
    for again, before in zip(scores.load(photos), first, strict=True):
        assert (again == before).all()
    Image.fromarray(render_scene(9, 96, 128).image).save(photos[0])
    with pytest.raises(UserError, match=r"0\.png: .*holds no scores for it"):
        scores.load(photos)


def test_what_is_no_teacher_is_a_sentence(tmp_path):
    with pytest.raises(
        UserError, match=r"wanted the folder of a bundle, a \.tflite file, or a folder of kept scores"
    ):
        open_teacher(tmp_path, STREET8)


def test_scores_of_other_classes_are_refused(tmp_path, photos):
    open_teacher(BUNDLE, STREET8, folder=tmp_path / "kept").load(photos[:1])
    (folder,) = (tmp_path / "kept").iterdir()
    with pytest.raises(UserError, match="scores of street8, the recipe wants cityscapes19"):
        open_teacher(folder, TAXONOMIES["cityscapes19"])


def test_a_photo_that_cannot_be_read_is_named(tmp_path, photos):
    photos[0].write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"0\.png: not a readable photo"):
        open_teacher(BUNDLE, STREET8, folder=tmp_path / "kept").load(photos)
