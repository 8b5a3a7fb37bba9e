"""A visitor with several photos: steps through them with keys, corrects a map, and passes the page on by a link."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MS, OpenWindow
from tests.browser.stack import Stack
from tests.browser.steps import class_map, class_names, idle, scene_jpeg, upload, viewer

MODEL = "deeplabv3plus"


def current(page: Page) -> str | None:
    return page.locator(".strip [aria-current=true]").get_attribute("title")


def test_photos_keys_brush_and_link(page: Page, window: OpenWindow, stack: Stack) -> None:
    photos = {f"p{i}.jpg": scene_jpeg(seed=40 + i, height=128, width=256) for i in range(3)}
    upload(page, *photos.items())
    page.get_by_text("All 3 photos are segmented").wait_for()
    strip = page.locator(".strip")
    expect(strip.locator("img")).to_have_count(3)

    # Keys: next and before, in the viewer too, and none of it while somebody types or moves something.
    page.locator("body").press("ArrowRight")
    expect(page.locator(".viewer[data-ready=true][aria-label*='p1.jpg']")).to_be_visible()
    canvas = page.locator(".viewer canvas").first
    canvas.focus()
    page.keyboard.press("ArrowRight")  # moves the pointer
    idle(page)
    assert current(page) == "p1.jpg"
    page.keyboard.press("n")
    expect(page.locator(".viewer[data-ready=true][aria-label*='p2.jpg']")).to_be_visible()
    box = page.get_by_role("combobox", name="Photo, 3 in all")
    box.click()
    page.keyboard.type("p")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    idle(page)
    assert current(page) == "p2.jpg"
    strip.get_by_role("button", name="p0.jpg, photo 1 of 3").click()
    expect(page.locator(".viewer[data-ready=true][aria-label*='p0.jpg']")).to_be_visible()

    # The brush: what is painted, and nothing else, is another class in the file.
    view = viewer(page)
    view.get_by_role("button", name="Correct", exact=True).click()
    view.get_by_label("Class to paint").select_option("pedestrian")
    place = canvas.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 0.3 * place["width"], place["y"] + 0.5 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.6 * place["width"], place["y"] + 0.5 * place["height"], steps=6)
    page.mouse.up()
    view.get_by_role("button", name="Region", exact=True).click()
    view.get_by_label("Class to paint").select_option("sky")
    page.mouse.click(place["x"] + 0.45 * place["width"], place["y"] + 0.5 * place["height"])
    view.get_by_role("button", name="Undo").click()
    view.get_by_role("button", name="Keep", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="DeepLabV3+ corrected").click()
    corrected = np.asarray(Image.open(io.BytesIO(Path(download.value.path()).read_bytes())))
    own = class_map(stack.api_url, photos["p0.jpg"], MODEL)
    pedestrian = class_names(stack.api_url, MODEL).index("pedestrian")
    assert corrected.shape == own.shape
    assert (corrected[64, 80:150] == pedestrian).all(), "the brush left a stroke"
    rows = np.r_[0:50, 80:128]
    assert (corrected[rows] == own[rows]).mean() > 0.998, "two compiled networks may round differently"

    # The link: the same photo, models, view, opacity and class to somebody else, and none of the other photos.
    page.get_by_role("button", name="Before / after").click()
    page.locator(".viewer .opacity input").first.fill("35")
    page.locator(".viewer .legend button[data-class=road]").click()
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Make a link").click()
    code = page.get_by_test_id("stCode")
    expect(code).to_contain_text("class=road")
    other = window(width=390, theme="dark", url=code.inner_text().strip())
    expect(other.locator(".viewer[data-view=wipe][data-ready=true][aria-label*='p0.jpg']")).to_be_visible(
        timeout=WAIT_MS
    )
    expect(other.locator(".viewer .opacity output").first).to_have_text("35 %")
    expect(other.locator(".viewer .legend button[aria-pressed=true]")).to_have_text(["road"])
    expect(other.locator(".strip")).to_have_count(0)
