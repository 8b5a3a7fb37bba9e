"""The tricks do the same work as the usual way that they are set beside."""

import zlib

import numpy as np

from back.runtime.card import read_card
from back.runtime.masks.deflate import deflate_labels
from modelisation.registry.bundled import FOLDER
from tests.benchmarks.material import Material
from tests.benchmarks.photos import make_cases
from tests.benchmarks.tricks import _zlib, label_tricks, photo_tricks


def test_zlib_and_our_own_deflate_hold_the_same_rows():
    labels_HW = np.random.default_rng(0).integers(0, 8, (20, 30), dtype=np.uint8)
    assert zlib.decompress(_zlib(labels_HW)) == zlib.decompress(deflate_labels(labels_HW))


def test_both_ways_of_every_trick_around_the_network_run(tmp_path):
    bundle = FOLDER / "segformer"
    material = Material("segformer", read_card(bundle), bundle, tmp_path, None, bundle / "model.onnx")
    photo = make_cases(tmp_path / "no data")[1]
    scores_CHW = np.random.default_rng(0).standard_normal((8, 16, 32), np.float32)
    names = []
    for trick in [*label_tricks(material, scores_CHW, photo), *photo_tricks(material, scores_CHW, photo)]:
        if "12 megapixels" not in trick.name:
            trick.usual()
            trick.ours()
        names.append((trick.name, trick.usual_name))
    assert len(names) == len(set(names))
