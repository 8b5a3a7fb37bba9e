"""Fixtures of the browser tests: Debian's Chromium, the real API and the dashboard, one page a test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, PATH
from tests.browser.stack import Stack, running

WAIT_MS = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(PATH).exists():
        message = f"{PATH} is not there: install Debian's package chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=PATH, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def stack(browser: Browser) -> Iterator[Stack]:
    with running() as services:
        yield services


def leaves(url: str) -> bool:
    """Whether a request goes beyond this machine."""
    return not url.startswith(("http://127.0.0.1:", "blob:", "data:"))


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The first page in a window of its own. A script error, or a request to another machine, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: errors.append(request.url) if leaves(request.url) else None)
    opened.goto(stack.ui_url)
    opened.get_by_role("heading", name="Segment", exact=True).wait_for()
    yield opened
    context.close()
    assert not errors, errors
