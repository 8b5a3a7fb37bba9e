"""Building sites: their boards stand where the camera sees them, as building, and only where they are asked for."""

import numpy as np
from PIL import Image, ImageDraw

from modelisation.scenes.paint.hoardings import paint_hoarding, sample_hoarding
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import make_camera
from modelisation.scenes.picture.canvas import Canvas
from modelisation.scenes.picture.light import sample_light
from modelisation.scenes.render import render_scene

HEIGHT, WIDTH = 120, 160


def test_boards_are_labelled_building_just_where_their_corners_are_projected() -> None:
    rng = np.random.default_rng(4)
    camera = make_camera(WIDTH, HEIGHT, focal=140.0, position=(0.0, 1.4, 0.0), yaw=0.1, pitch=0.02, roll=0.01)
    look, light = sample_hoarding(rng), sample_light(rng)
    canvas = Canvas(Image.new("RGB", (WIDTH, HEIGHT)), Image.new("I", (WIDTH, HEIGHT)))
    canvas.add(label_ids.SKY, float("inf"))
    begin, middle, end, foot = (2.5, 6.0), (2.5, 9.0), (2.5, 14.0), 0.12
    paint_hoarding(canvas, camera, middle, end, look, light, foot, 3.0)
    paint_hoarding(canvas, camera, begin, middle, look, light, foot, 0.0)
    found_HW = np.array(canvas.labels)[np.asarray(canvas.owners)] == label_ids.BUILDING
    top = foot + look.height
    shape = camera.polygon([(2.5, top, 6.0), (2.5, top, 14.0), (2.5, foot, 14.0), (2.5, foot, 6.0)])
    assert shape is not None
    expected = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(expected).polygon([tuple(point) for point in shape.tolist()], fill=1)
    expected_HW = np.asarray(expected)
    assert expected_HW.sum() > 1000
    assert (found_HW & expected_HW).sum() / (found_HW | expected_HW).sum() > 0.95


def test_streets_have_building_sites_only_where_they_are_asked_for() -> None:
    plain, asked = (
        [render_scene(seed, 48, 64, building_sites=share).image for seed in range(3)] for share in (0.0, 1.0)
    )
    assert all(np.array_equal(image, render_scene(seed, 48, 64).image) for seed, image in enumerate(plain))
    assert all(not np.array_equal(a, b) for a, b in zip(plain, asked, strict=True))
