"""A visitor drops sixty labelled scenes: four clicks later the third worst picture is open, with its truth."""

import io
import re

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, expect

from modelisation.scenes.render import render_scene
from tests.browser.stack import Stack
from tests.browser.steps import as_jpeg, fits, go_to, viewer
from tests.labelled import zipped

SCENES = 60


@pytest.fixture(scope="module")
def scenes() -> bytes:
    """A zip of ten small streets in six lights each."""
    files = {}
    for seed in range(SCENES // 6):
        scene = render_scene(seed, 96, 192)
        label = io.BytesIO()
        Image.fromarray(scene.label_ids).save(label, "PNG")
        for light in range(6):
            name = f"{'abcdefghij'[seed]}-{'klmnop'[light]}"
            files[f"images/{name}.jpg"] = as_jpeg((scene.image * np.linspace(1, 0.2, 6)[light]).astype(np.uint8))
            files[f"labels/{name}.png"] = label.getvalue()
    return zipped(files)


def test_sixty_labelled_scenes_to_the_three_worst_in_four_clicks(page: Page, stack: Stack, scenes: bytes) -> None:
    go_to(page, "Evaluate")  # the first
    box = page.locator("input[type=file]").first
    box.wait_for(state="attached")
    box.set_input_files([{"name": "scenes.zip", "mimeType": "application/zip", "buffer": scenes}])  # the second
    expect(page.get_by_text(f"{SCENES} photos with labels.")).to_be_visible()
    expect(page.get_by_role("combobox", name="The labels' values are")).to_have_value("Cityscapes labelIds")
    page.get_by_role("button", name="Evaluate", exact=True).click()  # the third
    page.locator(".viewer[data-ready=true]").wait_for(timeout=240_000)  # sixty photos, while other tests work
    assert fits(page)

    job = page.url.rpartition("evaluation=")[2].partition("&")[0]
    result = requests.get(f"{stack.api_url}/jobs/{job}/result.json", timeout=30).json()
    worst = sorted(result["pictures"], key=lambda one: -one["scores"][0]["error_share"])[:3]
    small = page.get_by_role("button", name=re.compile(r"^[\d.]+ %$"))
    for place, one in enumerate(worst):
        expect(small.nth(place)).to_have_text(f"{100 * one['scores'][0]['error_share']:.1f} %")
    before = page.locator(".viewer").get_attribute("data-photo")
    small.nth(2).click()  # the fourth
    expect(page.get_by_text(f"{worst[2]['name']} · 192 × 96 pixels")).to_be_visible()
    expect(page.locator(".viewer[data-ready=true]")).not_to_have_attribute("data-photo", before or "")
    expect(page.locator(".viewer figcaption").first).to_have_text("Truth")

    page.reload()  # the address leads back
    viewer(page)
    cell = page.get_by_role("button", name=re.compile("^sidewalk seen as road: .* Show its pictures"))
    cell.click()
    expect(page.get_by_text("sidewalk seen as road by DeepLabV3+")).to_be_visible()
    page.get_by_role("button", name="Delete photos and results").click()
    expect(page.get_by_text("The photos and their results are deleted.")).to_be_visible()
    assert requests.get(f"{stack.api_url}/jobs/{job}", timeout=30).status_code == 404
