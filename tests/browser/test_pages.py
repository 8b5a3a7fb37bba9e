"""Every page in a real browser: it opens by its own address, fits wide and narrow screens, and can be read."""

import re

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from front.benchmark.numbers import difference_rows, sentence
from tests.browser.conftest import WAIT_MS
from tests.browser.stack import Stack
from tests.browser.steps import MODELS, TITLES, files, fits, go_to, scene_jpeg, upload, viewer

PAGES = {
    "": "Segment",
    "compare": "Compare",
    "video": "Video",
    "evaluate": "Evaluate",
    "benchmark": "Benchmark",
    "runs": "Runs",
    "about": "About this model",
}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_opens_by_its_address_and_fits(browser: Browser, stack: Stack, path: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(f"{stack.ui_url}/{path}")
    page.get_by_role("heading", name=PAGES[path], exact=True).first.wait_for(timeout=WAIT_MS)
    expect(page.get_by_text(re.compile("API ready, 2 models"))).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    assert fits(page)
    context.close()


def test_every_picture_and_chart_says_what_it_shows(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    viewer(page)
    for canvas in page.locator(".viewer canvas").all():
        assert re.search(r"sees \w+ \d+%", str(canvas.get_attribute("aria-label")))
    for name in ("Benchmark", "Runs"):
        go_to(page, name)
        page.locator("[data-testid=stPlotlyChart]").first.wait_for()
        page.wait_for_timeout(500)
        for chart in page.locator("[data-testid=stPlotlyChart]").all():
            named = chart.evaluate("e => !!(e.getAttribute('aria-label') || e.querySelector('[aria-label]'))")
            assert named, chart.inner_html()[:300]


def test_the_photo_is_still_there_on_the_next_page(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    viewer(page)
    go_to(page, "Compare")
    expect(page.get_by_text("street.jpg · 512 × 256 pixels")).to_be_visible()
    expect(page.locator(".viewer[data-view=pair]")).to_be_visible()


def test_the_benchmark_tells_the_difference_that_the_api_works_out(page: Page, stack: Stack) -> None:
    go_to(page, "Benchmark")
    for a, b in (MODELS, MODELS[::-1]):
        expect(page.get_by_role("combobox", name="Baseline")).to_be_visible()
        page.get_by_role("combobox", name="Baseline").click()
        page.get_by_role("option", name=TITLES[a]).click()
        answer = requests.get(f"{stack.api_url}/differences", params={"a": a, "b": b}, timeout=30).json()
        said = sentence(difference_rows(answer), TITLES[a], TITLES[b], answer["min_blocks"])
        expect(page.get_by_text(f"{TITLES[b]} − {TITLES[a]}, IoU points")).to_be_visible()
        expect(page.get_by_text(said)).to_be_visible()


def test_a_dark_browser_gets_a_dark_page(browser: Browser, stack: Stack) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(stack.ui_url)
        page.get_by_role("heading", name="Segment", exact=True).wait_for(timeout=WAIT_MS)
        page.locator("input[type=file]").first.set_input_files(files(("street.jpg", scene_jpeg())))
        page.locator(".viewer[data-ready=true]").wait_for(timeout=WAIT_MS)
        script = "e => getComputedStyle(e).color"
        shades[scheme] = page.locator(".viewer").evaluate(script)
        context.close()
    light, dark = (sum(map(int, re.findall(r"\d+", shades[s])[:3])) for s in ("light", "dark"))
    assert light < 200 < 500 < dark
