"""The API's documentation in a browser that reaches no other machine."""

from playwright.sync_api import Browser, expect

from tests.browser.conftest import WAIT_MS, leaves
from tests.browser.stack import Stack


def test_the_docs_are_shown_without_the_internet(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url) if leaves(request.url) else None)
    forbidden: list[str] = []
    page.on("console", lambda message: forbidden.append(message.text) if "Security" in message.text else None)
    page.goto(f"{stack.api_url}/docs")
    expect(page.get_by_role("heading", name="StreetSeg").first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Segment a photo").or_(page.get_by_text("/predict")).first).to_be_visible()
    context.close()
    assert not left
    assert not forbidden  # by the page's own Content-Security-Policy
