"""Pages with content: they fit, cut nothing, and hold still."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.stack import Stack
from tests.browser.steps import (
    class_map,
    cut_texts,
    enlarged,
    fits,
    give_label,
    go_to,
    scene_jpeg,
    upload,
    viewer,
)

# Sums the browser's own layout-shift scores, those within half a second of an input included.
_WATCH_SHIFTS = """window.shifted = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.shifted += entry.value }).observe({type: 'layout-shift'})"""


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_pages_with_a_photo_and_a_label_fit_and_cut_nothing(
    window: OpenWindow, stack: Stack, width: int, theme: str
) -> None:
    page = window(width=width, theme=theme)
    photo = scene_jpeg()
    upload(
        page, ("a-photo-with-quite-a-long-name-from-a-phone-20260525.jpg", photo), ("street.jpg", scene_jpeg(seed=5))
    )
    viewer(page)
    expect(page.get_by_role("heading", name="All photos")).to_be_visible()
    assert fits(page)
    assert cut_texts(page) == []
    go_to(page, "Compare")
    viewer(page)
    give_label(page, class_map(stack.api_url, photo, "segformer"))
    assert fits(page)
    assert cut_texts(page) == []


@pytest.mark.parametrize(
    ("columns", "last"),
    [("Summary", "Latency p50"), ("Speed and size", "Peak memory"), ("IoU by class", "IoU background")],
)
def test_the_benchmark_table_shows_all_its_columns_at_once(page: Page, columns: str, last: str) -> None:
    go_to(page, "Benchmark")
    page.get_by_role("radio", name=columns).or_(page.get_by_role("button", name=columns)).first.click()
    table = page.locator("[data-testid=stDataFrame]").first
    expect(table.locator("[role=columnheader]").last).to_have_text(last)
    page.wait_for_timeout(500)  # until the columns have their widths
    assert table.locator(".dvn-scroller").evaluate("e => e.scrollWidth <= e.clientWidth")


def tops(page: Page, until: str) -> set[float]:
    """Where the viewer was at each look, until an element of that text is on the page."""
    seen: set[float] = set()
    end = page.get_by_text(re.compile(until))
    for _ in range(600):
        done = end.count() > 0
        box = page.locator(".viewer").first.bounding_box()
        assert box is not None
        seen.add(round(box["y"]))
        if done:
            return seen
        page.wait_for_timeout(50)
    raise AssertionError(f"there was no {until}")


def test_the_viewer_holds_still_while_a_batch_runs_and_ends(page: Page) -> None:
    base = scene_jpeg()
    upload(page, *((f"p{i}.jpg", enlarged(base, 700 + i, 1400)) for i in range(5)))
    viewer(page)
    expect(page.get_by_text("Photo, 5 in all")).to_be_visible()
    assert len(tops(page, "All 5 photos are segmented")) == 1
    page.wait_for_timeout(500)
    assert len(tops(page, "All 5 photos are segmented")) == 1


def test_nothing_moves_when_the_palette_changes_or_the_pictures_are_renewed(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    viewer(page)
    page.locator("[data-testid=stPlotlyChart]").nth(1).wait_for()
    page.wait_for_timeout(1000)
    page.evaluate(_WATCH_SHIFTS)
    page.get_by_role("button", name="Colours").click()
    page.get_by_text("Palette for colour blindness").click()
    swatch = page.locator(".viewer .legend button[data-class=pedestrian] i")
    expect(swatch).to_have_css("background-color", "rgb(240, 110, 0)")
    page.wait_for_timeout(500)
    assert page.evaluate("window.shifted") < 0.01
