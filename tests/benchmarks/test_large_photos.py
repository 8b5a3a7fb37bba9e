"""Labelled pictures are enlarged with their labels, and answers are judged on all pixels of the large photo."""

import io

import numpy as np
from PIL import Image

from modelisation.data.open import open_dataset
from modelisation.scenes.writer import write_scenes
from tests.benchmarks import large_photos as module
from tests.benchmarks.large_photos import WIDTH, enlarged, measure_large_photos
from tests.benchmarks.test_worker import LABELS_HW, material
from tests.bundles import paint

__all__ = ["material"]


def test_a_picture_and_its_label_are_enlarged_alike(material):
    case, label_HW = enlarged(paint(LABELS_HW, material.card.taxonomy), LABELS_HW, None)
    with Image.open(io.BytesIO(case.data)) as photo:
        assert (photo.format, photo.size) == ("JPEG", (WIDTH, 1024))
    assert label_HW.shape == (case.height, case.width) == (1024, WIDTH)
    assert set(np.unique(label_HW)) == set(np.unique(LABELS_HW))


def test_every_model_has_a_row_for_each_pixel_budget(material, tmp_path, monkeypatch):
    write_scenes(tmp_path, {"val": 1}, 36, 48)
    photos = open_dataset(tmp_path, "val", "street8")
    perfect = enlarged(photos[0].image, photos[0].label, None)[1]

    class Reference:
        def labels(self, case, *, full_decode):
            assert full_decode
            return perfect

    monkeypatch.setattr(module, "_ask", lambda url, material, case: np.zeros_like(perfect))
    rows = measure_large_photos(photos, [material], {1000: "a", None: "b"}, {material.name: Reference()})
    assert [row["pixel_budget"] for row in rows] == [1000, material.card.input.pixel_budget]
    assert all(row["fp32_miou"] == 1 and row["miou"] < 1 for row in rows)
