"""An API that is overloaded or starting: the page says so, keeps the photo, and goes on without anybody's help."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.gate import Gate, StandIn, open_gate, overloaded, starting
from tests.browser.stack import Stack, dashboard
from tests.browser.steps import scene_jpeg, upload, viewer


@pytest.fixture(scope="module")
def gate(stack: Stack) -> Iterator[Gate]:
    with Gate(stack.api_url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def gated_url(stack: Stack, gate: Gate) -> Iterator[str]:
    """A dashboard whose requests pass the gate."""
    url, process = dashboard(stack.folder, gate.url)
    process.start()
    yield url
    process.stop()


@pytest.mark.parametrize(
    ("stand_in", "words"),
    [
        (
            overloaded,
            "The API is busy. 64 photos are being worked on or wait; try again in 1 s. It asks to wait 1 s.",
        ),
        (starting, "The API is getting ready."),
    ],
    ids=["overloaded", "starting"],
)
def test_a_photo_waits_for_the_api_and_is_segmented_when_it_answers(
    window: OpenWindow, gate: Gate, gated_url: str, stand_in: StandIn, words: str
) -> None:
    page = window(url=gated_url)
    gate.stand_in = stand_in
    try:
        # A photo of its own for each cause: the dashboard remembers what was segmented once.
        upload(page, ("street.jpg", scene_jpeg(seed=len(words))))
        expect(page.get_by_text(words)).to_be_visible()
        expect(page.get_by_text("street.jpg · 512 × 256 pixels")).to_be_visible()
        expect(page.locator(".viewer")).to_have_count(0)
    finally:
        gate.stand_in = open_gate
    viewer(page)  # nobody pressed anything
    expect(page.get_by_text(words)).to_have_count(0)
    expect(page.get_by_text("street.jpg · 512 × 256 pixels")).to_be_visible()
