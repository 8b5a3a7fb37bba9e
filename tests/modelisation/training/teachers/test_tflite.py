"""A TFLite teacher: squares that cover a photo, their mean, and classes summed into the student's."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.taxonomy import TAXONOMIES
from modelisation.training.teachers.tflite import (
    CELL,
    LARGEST_SQUARE,
    SMALLEST_SQUARE,
    TfliteTeacher,
    average_squares,
    squares_of,
)

ROOT = Path(__file__).parents[4]
FILE = ROOT.parent / "shared" / "teacher" / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"
CAMVID = ROOT.parent / "shared" / "camvid"


@given(st.integers(1, 512), st.integers(1, 1400))
def test_squares_cover_every_pixel_and_lie_inside(height, width):
    covered = np.zeros((height, width), bool)
    for top, left, side in squares_of(height, width):
        assert 0 <= top <= top + side <= height
        assert 0 <= left <= left + side <= width
        assert side <= LARGEST_SQUARE
        covered[top : top + side, left : left + side] = True
    assert covered.all()


def test_only_photos_with_the_pixels_get_squares_of_a_second_size():
    assert {side for *_, side in squares_of(512, 1024)} == {512, 317}
    assert {side for *_, side in squares_of(360, 480)} == {360}
    assert round(512 * 0.62) >= SMALLEST_SQUARE


def test_the_mean_of_squares_that_agree_is_what_they_say_where_it_is():
    height, width = 64, 128
    truth_HW = np.zeros((height, width), np.uint8)
    truth_HW[:, 80:] = 1
    image = np.repeat(truth_HW[..., None], 3, -1)

    def label_square(square_HWC):
        side = square_HWC.shape[0]
        cells = square_HWC[:: side // 16, :: side // 16, 0][:16, :16]
        return np.stack([cells == 0, cells == 1], -1).astype(np.float32)

    mean_hw2 = average_squares(image, squares_of(height, width), label_square)
    assert mean_hw2.shape == (height // CELL, width // CELL, 2)
    np.testing.assert_allclose(mean_hw2.sum(-1), 1, atol=1e-5)
    assert (mean_hw2.argmax(-1) == truth_HW[::CELL, ::CELL]).all()


def test_a_file_that_is_no_network_is_a_sentence(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="the interpreter of TFLite files is an extra")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"broken\.tflite: not a TFLite network"):
        TfliteTeacher(broken, TAXONOMIES["street8"], None)


@pytest.mark.skipif(
    not FILE.exists() or not CAMVID.exists(), reason="the teacher's file or CamVid is not beside the clone"
)
def test_the_teacher_knows_the_streets_of_camvid():
    pytest.importorskip("ai_edge_litert", reason="the interpreter of TFLite files is an extra")
    teacher = TfliteTeacher(FILE, TAXONOMIES["street8"], "Cityscapes' terms")
    photo = sorted((CAMVID / "val").glob("*.png"))[0]
    soft_hwC = teacher.probabilities(photo.read_bytes())
    assert soft_hwC.dtype == np.uint8
    assert (np.abs(soft_hwC.astype(int).sum(-1) - 255) <= 8).all()
    with Image.open(CAMVID / "valannot" / photo.name) as label:
        raw_HW = np.asarray(label)
    road_hw = np.asarray(Image.fromarray((raw_HW == 3).astype(np.uint8)).resize(soft_hwC.shape[1::-1], 0)) == 1
    assert (soft_hwC.argmax(-1) == 0)[road_hw].mean() > 0.9
    assert teacher.record.weights_licence == "Cityscapes' terms"


def test_a_missing_interpreter_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    file = tmp_path / "some.tflite"
    file.write_bytes(io.BytesIO(b"x").getvalue())
    with pytest.raises(UserError, match="pip install --no-deps ai-edge-litert"):
        TfliteTeacher(file, TAXONOMIES["street8"], None)
