"""A way runs in a process of its own, and one that fails says so."""

import numpy as np
import pytest

from back.runtime.card import ONNX_FILE, read_card
from back.runtime.masks.colour import palette_of
from tests.benchmarks.agreement import agreement
from tests.benchmarks.material import Material
from tests.benchmarks.peers import BareOpenVino, OnnxRuntime, TorchEager
from tests.benchmarks.photos import Case
from tests.benchmarks.usual import UsualSteps, labels_of
from tests.benchmarks.worker import PeerError, Worker
from tests.bundles import make_bundle, paint, png_bytes, stripes

LABELS_HW = stripes(128, 256, 8)


@pytest.fixture
def material(tmp_path) -> Material:
    bundle = make_bundle(tmp_path)
    return Material("nearest-colour", read_card(bundle), bundle, tmp_path / "none.pth", None, bundle / ONNX_FILE)


@pytest.fixture
def case(material: Material) -> Case:
    return Case("stripes", png_bytes(paint(LABELS_HW, material.card.taxonomy)), 128, 256, None)


def test_a_way_answers_with_the_mask_its_time_and_its_memory(material, case):
    worker = Worker(OnnxRuntime, material, {})
    try:
        worker.use(case)
        answer = worker.call()
        assert answer.ms > 0
        assert agreement(answer.png, LABELS_HW, material.card) > 0.95  # stripes lose a pixel at their edges
        assert worker.mask_of(case) == answer.png
        assert worker.peak_rss_bytes() > 10e6
        assert worker.images_per_second(2, 0.2) > 1
    finally:
        worker.stop()


def test_the_bare_engine_makes_no_mask_and_has_a_bulk_mode(material, case):
    worker = Worker(BareOpenVino, material, {})
    try:
        worker.use(case)
        assert worker.call().png is None
        assert worker.bulk_images_per_second(0.2) > 1
    finally:
        worker.stop()


def test_a_way_that_cannot_start_says_why(material):
    with pytest.raises(PeerError, match=r"FileNotFoundError: .*none\.pth"):
        Worker(TorchEager, material, {})


def test_colours_of_a_mask_become_its_labels_again(material):
    png = UsualSteps(material.card).colour(LABELS_HW)
    np.testing.assert_array_equal(labels_of(png, palette_of(material.card.taxonomy)), LABELS_HW)


def test_a_colour_that_no_class_has_becomes_no_class(material):
    assert labels_of(png_bytes(np.full((2, 2, 3), 7, np.uint8)), palette_of(material.card.taxonomy)).tolist() == [
        [255, 255],
        [255, 255],
    ]
