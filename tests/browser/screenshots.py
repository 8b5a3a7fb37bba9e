"""`make screenshots`: every page in both themes and both widths, of rendered scenes, into out/screenshots.

`python -m tests.browser.screenshots [DIR]` writes elsewhere.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tqdm import tqdm

from modelisation.scenes.render import render_scene
from tests.browser.chromium import ARGUMENTS, MISSING, PATH
from tests.browser.stack import Stack, running
from tests.browser.steps import as_jpeg, give_label, go_to, idle, start_over, upload, viewer

FOLDER = Path(__file__).resolve().parents[2] / "out" / "screenshots"
SAMPLES = sorted((Path(__file__).resolve().parents[2] / "front" / "samples").glob("*.jpg"))
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
SAMPLE = "Sunny street"
LABELLED_SEED = 34  # a scene that is none of the samples, with its exact label
SAMPLE_WHEN_DOWN = "Evening street"  # one whose answers are in no cache
WAIT_MS = 90_000


class Camera:
    """A window and where its pictures go."""

    def __init__(self, browser: Browser, folder: Path, theme: str, width: int) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,  # type: ignore[arg-type]
            device_scale_factor=1 if width > 600 else 2,
        )
        self._context.set_default_timeout(WAIT_MS)
        self._folder, self._suffix, self._width = folder, f"-{theme}-{width}.png", width
        self.page: Page = self._context.new_page()
        self.taken = 0

    def take(self, name: str) -> None:
        """The whole page: the window is made as tall as what it holds."""
        height = self._settled_height()
        self.page.set_viewport_size({"width": self._width, "height": min(max(900, height), 8000)})
        self.page.wait_for_timeout(1500)
        self.page.screenshot(path=self._folder / (name + self._suffix))
        self.page.set_viewport_size({"width": self._width, "height": 900})
        self.taken += 1

    def _settled_height(self) -> int:
        """The height of what the page holds once it grows no more: charts draw after their data came."""
        before, height = -1, 0
        while height != before:
            idle(self.page)
            self.page.wait_for_timeout(1500)
            before, height = height, self.page.get_by_test_id("stMain").evaluate("e => e.scrollHeight")
        return height

    def close(self) -> None:
        self._context.close()


def main() -> int:
    """Write the pictures; returns the exit status."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if PATH is None:
        print(MISSING, file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    taken = 0
    with running() as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=list(ARGUMENTS))
        cameras = [Camera(browser, folder, theme, width) for theme in THEMES for width in WIDTHS]
        for camera in tqdm(cameras, "windows", unit="window"):
            photograph(camera, stack)
        stack.api.stop()
        for camera in cameras:
            go_to(camera.page, "Segment")
            start_over(camera.page)
            camera.page.get_by_role("button", name=SAMPLE_WHEN_DOWN, exact=True).click()
            camera.page.get_by_text("The API does not answer.").first.wait_for()
            camera.take("api-down")
            taken += camera.taken
            camera.close()
        browser.close()
    print(f"{taken} pictures in {folder}")
    return 0


def photograph(camera: Camera, stack: Stack) -> None:
    """All pages in one window, one after the other, so that the photo goes along."""
    page = camera.page
    page.goto(stack.ui_url)
    page.get_by_role("button", name=SAMPLE, exact=True).wait_for()
    camera.take("start")
    page.get_by_role("button", name=SAMPLE, exact=True).click()
    viewer(page)
    camera.take("segment")
    page.get_by_role("button", name="Before / after").click()
    camera.take("before-after")
    page.get_by_role("button", name="Overlay", exact=True).click()
    _switch_palette(page)
    camera.take("colour-blind")
    _switch_palette(page)
    go_to(page, "Compare")
    viewer(page)
    camera.take("compare")
    scene = render_scene(LABELLED_SEED, 640, 1280)
    start_over(page)
    upload(page, ("rendered-street.jpg", as_jpeg(scene.image)))
    viewer(page)
    give_label(page, scene.label_ids)
    camera.take("compare-label")
    go_to(page, "Segment")
    start_over(page)
    upload(page, *((path.name, path.read_bytes()) for path in SAMPLES))
    page.get_by_text(f"All {len(SAMPLES)} photos are segmented").wait_for()
    camera.take("several-photos")
    for name in ("Video", "Evaluate", "Benchmark", "Runs", "About this model"):
        go_to(page, name)
        camera.take(name.split()[0].lower())


def _switch_palette(page: Page) -> None:
    page.get_by_role("button", name="Colours").click()
    page.get_by_text("Palette for colour blindness").click()
    page.keyboard.press("Escape")


if __name__ == "__main__":
    sys.exit(main())
