"""`make screenshots`: every page in both themes and both widths, of rendered scenes, into out/screenshots.

`python -m tests.browser.screenshots [DIR]` writes elsewhere.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tqdm import tqdm

from tests.browser.chromium import ARGUMENTS, PATH
from tests.browser.stack import running

FOLDER = Path(__file__).resolve().parents[2] / "out" / "screenshots"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
PAGES = ("segment", "compare", "benchmark", "runs", "about")
TITLES = {"about": "About this model"}
SAMPLE = "Sunny street"
WAIT_MS = 90_000


def main() -> int:
    """Write the pictures; returns the exit status."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if not Path(PATH).exists():
        print(f"{PATH} is not there: install Debian's package chromium", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(theme, width) for theme in THEMES for width in WIDTHS]
    with running() as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=list(ARGUMENTS))
        for theme, width in tqdm(jobs, "windows", unit="window"):
            photograph(browser, stack.ui_url, folder, theme, width)
        browser.close()
    print(f"{len(jobs) * (len(PAGES) + 1)} pictures in {folder}")
    return 0


def photograph(browser: Browser, url: str, folder: Path, theme: str, width: int) -> None:
    """All pages in one window, one after the other, so that the photo goes along."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        device_scale_factor=1 if width > 600 else 2,
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name=SAMPLE, exact=True).wait_for()
    _save(page, folder / f"start-{theme}-{width}.png")
    page.get_by_role("button", name=SAMPLE, exact=True).click()
    page.locator(".viewer[data-ready=true]").wait_for()
    for name in PAGES:
        _open(page, name)
        _save(page, folder / f"{name}-{theme}-{width}.png")
    context.close()


def _open(page: Page, name: str) -> None:
    """Go to a page by its link."""
    title = TITLES.get(name, name.capitalize())
    page.get_by_role("link", name=title, exact=True).first.click()
    page.get_by_role("heading", name=title, exact=True).first.wait_for()
    if name in ("segment", "compare"):
        page.locator(".viewer[data-ready=true]").wait_for()


def _save(page: Page, path: Path) -> None:
    """The whole page: the window is made as tall as what it holds."""
    page.wait_for_timeout(2500)  # charts draw after their data came
    size = page.viewport_size
    assert size is not None
    height = page.get_by_test_id("stMain").evaluate("e => e.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(max(900, height), 8000)})
    page.wait_for_timeout(1500)
    page.screenshot(path=path)
    page.set_viewport_size(size)


if __name__ == "__main__":
    sys.exit(main())
