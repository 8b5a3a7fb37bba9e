"""A visitor takes files away: they are the API's bytes, and what goes wrong is told."""

import hashlib
import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, TimeoutError, expect

from tests.browser.stack import Stack
from tests.browser.steps import idle, photo_requests, predict, scene_jpeg, upload, viewer


def press_download(page: Page, name: str | re.Pattern[str]) -> tuple[str, bytes]:
    """Press a button and return the name and the bytes of the file that comes.

    Streamlit cancels a file when the page is run again while it is on its way, as happens when the API has come back,
    and a press comes to nothing where the button is drawn anew under it. A visitor presses again, and so does this,
    twice at most.
    """
    for last in (False, False, True):
        try:
            with page.expect_download(timeout=20_000) as download:
                page.get_by_role("button", name=name, exact=isinstance(name, str)).click()
        except TimeoutError:
            if last:
                raise
            continue
        if download.value.failure() is None:
            break
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def agreement(png: bytes, other: bytes) -> float:
    """Fraction of the pixels that two palette PNGs of one size and one palette give the same class."""
    a, b = (Image.open(io.BytesIO(data)) for data in (png, other))
    assert (a.mode, a.size, a.getpalette()) == (b.mode, b.size, b.getpalette())
    return float(np.mean(np.asarray(a) == np.asarray(b)))


def test_files_are_the_api_s_bytes_and_a_zip_uses_what_is_there(page: Page, stack: Stack) -> None:
    photo = scene_jpeg()
    upload(page, ("street.jpg", photo))
    viewer(page)
    saved = {}
    for output, query in (("mask", {}), ("overlay", {"opacity": "0.6"})):
        page.get_by_test_id("stButtonGroup").get_by_text(output.capitalize(), exact=True).click()
        idle(page)
        name, saved[output] = press_download(page, f"SegFormer {output}")
        assert name == f"street_segformer_{output}.png"
        assert digest(saved[output]) == digest(predict(stack.api_url, photo, "segformer", output, **query))
    before = photo_requests(stack.api_url)
    page.get_by_role("button", name="Make a zip of everything").click()
    _, data = press_download(page, re.compile("Save the zip"))
    assert photo_requests(stack.api_url) == before  # made of what is there
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # /compare and /predict may have been answered by two compiled networks, which round bf16 differently.
        assert agreement(archive.read("street/segformer_mask.png"), saved["mask"]) > 0.998


def test_the_zip_holds_every_photo_and_model(page: Page, stack: Stack) -> None:
    photos = [(f"p{i}.jpg", scene_jpeg(seed=i, height=128, width=256)) for i in (1, 2)]
    upload(page, *photos)
    viewer(page)
    page.get_by_role("button", name="Make a zip of all 2 photos").click()
    _, data = press_download(page, re.compile("Save the zip"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sent = predict(stack.api_url, photos[1][1], "segformer", "mask")
        assert agreement(archive.read("p2/segformer_mask.png"), sent) > 0.998
        assert archive.read("class_shares.csv").count(b"\n") == 1 + 2 * 2 * 8


def test_a_download_without_an_api_is_told_and_comes_once_it_is_back(page: Page, stack: Stack) -> None:
    photo = scene_jpeg(seed=9)
    upload(page, ("street.jpg", photo))
    viewer(page)
    told = page.get_by_text(re.compile("street_segformer_mask.png could not be fetched. The API does not answer"))
    stack.api.stop()
    try:
        page.get_by_role("button", name="SegFormer mask", exact=True).click()
        expect(told).to_be_visible()
        expect(page.get_by_text("Failed to generate file")).not_to_be_visible()
        expect(page.locator(".viewer[data-ready=true]")).to_be_visible()  # the photo and its masks stay
    finally:
        stack.api.start()
    _, data = press_download(page, "SegFormer mask")
    assert digest(data) == digest(predict(stack.api_url, photo, "segformer", "mask"))
    expect(told).to_have_count(0)
