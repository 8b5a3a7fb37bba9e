"""A visitor looks closer: all panels show the same part, down to single pixels, and read the class that they show."""

import re

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.stack import Stack
from tests.browser.steps import (
    MODELS,
    class_map,
    class_names,
    photo_requests,
    pixels,
    point_at,
    readings,
    scene_jpeg,
    upload,
    viewer,
)


def place(page: Page) -> tuple[int, int]:
    """Column and row of the photo under the pointer."""
    column, row = re.findall(r"\d+", page.locator(".viewer .where").inner_text())
    return int(column), int(row)


def test_zooming_and_panning_keep_all_panels_on_the_same_pixels(page: Page, stack: Stack) -> None:
    photo = scene_jpeg()
    upload(page, ("street.jpg", photo))
    view = viewer(page)
    scale = view.locator(".zoom output")
    expect(view.get_by_role("button", name="Zoom out")).to_be_disabled()
    maps = [class_map(stack.api_url, photo, model) for model in MODELS]
    names = class_names(stack.api_url, MODELS[0])
    height, width = maps[0].shape
    before = photo_requests(stack.api_url)

    point_at(page, 0.7, 0.6)
    column, row = place(page)
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(scale).to_have_text("× 8.0")
    assert place(page) == (column, row), "what lies under the pointer stays there"
    assert readings(page)["DeepLabV3+"] == names[maps[0][row, column]]

    # At full opacity each panel is its model's map: the eighth of it around the pointer, pixel by pixel.
    page.locator(".viewer .opacity input").fill("100")
    left, top = 0.7 - 0.7 / 8, 0.6 - 0.6 / 8
    for panel, ids in enumerate(maps):
        shown = pixels(page, panel)
        rows = ((np.arange(shown.shape[0]) + 0.5) / shown.shape[0] / 8 + top) * height
        columns = ((np.arange(shown.shape[1]) + 0.5) / shown.shape[1] / 8 + left) * width
        part = ids[rows.astype(int)][:, columns.astype(int)]
        same = sum(
            (np.abs(shown - np.median(shown[part == one], axis=0)).max(2) <= 2)[part == one].sum()
            for one in np.unique(part)
        )
        assert same / part.size > 0.92, (
            "the mouse stands on whole pixels of the screen: less than one of the photo aside"
        )

    canvas = page.locator(".viewer canvas").first
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    held = place(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"], steps=4)
    page.mouse.up()
    point_at(page, 0.25, 0.75)
    assert np.abs(np.subtract(place(page), held)).max() <= 1, "what was held came along"

    canvas.focus()
    for _ in range(9):
        page.keyboard.press("+")
    expect(view.get_by_role("button", name="Zoom in")).to_be_disabled()
    largest = float(scale.inner_text().removeprefix("× "))
    assert largest * box["width"] / width > 12, "a pixel is a square that can be seen"
    page.keyboard.press("0")
    expect(scale).to_have_text("× 1.0")
    assert photo_requests(stack.api_url) == before, "the browser does it alone"
