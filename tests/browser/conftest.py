"""Fixtures of the browser tests: Debian's Chromium, the real API and the dashboard, one page a test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, MISSING, PATH
from tests.browser.stack import Stack, running

WAIT_MS = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if PATH is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        expect.set_options(timeout=WAIT_MS)  # as patient as everything else: other tests share the processors
        chromium = playwright.chromium.launch(executable_path=PATH, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def stack(browser: Browser) -> Iterator[Stack]:
    with running() as services:
        yield services


def leaves(url: str) -> bool:
    """Whether a request goes beyond this machine."""
    return not url.startswith(("http://127.0.0.1:", "blob:", "data:"))


OpenWindow = Callable[..., Page]


@pytest.fixture
def window(browser: Browser, stack: Stack) -> Iterator[OpenWindow]:
    """Opens the first page in windows of their own: `window(width=390, theme="dark")`; `url` is another dashboard's.

    A script error, or a request to another machine, fails the test.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(*, width: int = 1280, theme: str = "light", url: str = stack.ui_url) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,  # type: ignore[arg-type]
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: errors.append(request.url) if leaves(request.url) else None)
        page.goto(url)
        page.get_by_role("heading", name="Segment", exact=True).wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def page(window: OpenWindow) -> Page:
    """The first page at 1280 pixels, in the light theme."""
    return window()
