"""What a visitor does: bring photos, wait for masks, point at a pixel."""

import base64
import io
import time
from collections.abc import Sequence

import numpy as np
import requests
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page

from modelisation.scenes.render import render_scene

MODELS = ("deeplabv3plus", "segformer")
TITLES = {"deeplabv3plus": "DeepLabV3+", "segformer": "SegFormer"}


def scene_jpeg(seed: int = 4, height: int = 256, width: int = 512) -> bytes:
    """A rendered street as JPEG."""
    return as_jpeg(render_scene(seed, height, width).image)


def as_jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


def saved_as(jpeg: bytes, kind: str, orientation: int | None = None) -> bytes:
    """The same picture as another kind of file, optionally with an EXIF orientation."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(out, kind, exif=exif, quality=95)
    return out.getvalue()


def enlarged(jpeg: bytes, height: int, width: int) -> bytes:
    """The same picture with more pixels: rendering 50 megapixels would take half a minute."""
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).resize((width, height)).save(out, "JPEG", quality=85)
    return out.getvalue()


def files(*photos: tuple[str, bytes]) -> Sequence[FilePayload]:
    return [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in photos]


def upload(page: Page, *photos: tuple[str, bytes]) -> None:
    """Give photos to the first page's uploader, or to the one behind `Add photos`."""
    box = page.locator("input[type=file]").first
    more = page.get_by_role("button", name="Add photos")
    box.or_(more).first.wait_for(state="attached")
    if not box.count():
        more.click()
    box.set_input_files(files(*photos))


def start_over(page: Page) -> None:
    """Press the button that forgets the photos and wait until they are gone."""
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="Add photos").wait_for(state="detached")
    page.locator(".viewer").first.wait_for(state="detached")


def viewer(page: Page) -> Locator:
    """The viewer, once its masks are on the screen."""
    ready = page.locator(".viewer[data-ready=true]").first
    ready.wait_for()
    return ready


def point_at(page: Page, x: float, y: float, panel: int = 0) -> None:
    """Move the mouse over a fraction of a panel's width and height."""
    canvas = page.locator(".viewer canvas").nth(panel)
    box = canvas.bounding_box()
    assert box is not None
    # `hover` scrolls to the place itself: a tall photo does not fit into the window.
    canvas.hover(position={"x": x * box["width"], "y": y * box["height"]}, force=True)


def pixels(page: Page, panel: int = 0) -> np.ndarray:
    """A panel's pixels as the browser shows them: float [height, width, 3]."""
    page.wait_for_timeout(150)  # one animation frame and the image encoder
    url = page.locator(".viewer canvas").nth(panel).evaluate("canvas => canvas.toDataURL('image/png')")
    png = base64.b64decode(url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), float)


def readings(page: Page) -> dict[str, str]:
    """Class under the pointer by model title, as the viewer says it."""
    items = page.locator(".viewer .reading").all()
    return {str(i.get_attribute("data-model")): str(i.get_attribute("data-class")) for i in items}


def go_to(page: Page, name: str) -> None:
    """Follow the link to another page."""
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("heading", name=name, exact=True).first.wait_for()


def idle(page: Page) -> None:
    """Wait until the server has taken up what was pressed and drawn the page anew."""
    page.wait_for_timeout(300)  # until it knows
    page.locator("[data-test-script-state=notRunning]").wait_for()


def give_label(page: Page, labels: np.ndarray, values: str | None = None) -> None:
    """Give a label file on the Compare page, say what its values are where that is not what is guessed, and wait."""
    out = io.BytesIO()
    Image.fromarray(labels.astype(np.uint8)).save(out, "PNG")
    page.get_by_role("button", name="Label file").click()
    page.locator("input[type=file]").last.set_input_files(
        [{"name": "label.png", "mimeType": "image/png", "buffer": out.getvalue()}]
    )
    page.get_by_role("combobox", name="Its values are").wait_for()
    if values is not None:
        page.get_by_role("combobox", name="Its values are").click()
        page.get_by_role("option", name=values).click()
        idle(page)
    page.get_by_role("heading", name="Against the label").wait_for()
    page.keyboard.press("Escape")  # closes the popover


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def cut_texts(page: Page) -> list[str]:
    """Texts of metrics, buttons, labels and captions that are wider than what shows them."""
    script = """parts => [...document.querySelectorAll(parts)]
        .filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
        .filter(e => getComputedStyle(e).overflowX !== 'visible').map(e => e.textContent)"""
    parts = "[data-testid=stMetric] *, button, button *, label *, [data-testid=stCaptionContainer] *, figcaption"
    return [str(text) for text in page.evaluate(script, parts)]


def class_map(api_url: str, photo: bytes, model: str) -> np.ndarray:
    """The API's class ids, uint8 [height, width]."""
    answer = predict(api_url, photo, model, "classes")
    return np.asarray(Image.open(io.BytesIO(answer)))


def confidence_map(api_url: str, photo: bytes, model: str) -> np.ndarray:
    """How sure the API's model is of each pixel's class, float [height, width], 0..1."""
    answer = predict(api_url, photo, model, "confidence")
    return np.asarray(Image.open(io.BytesIO(answer))) / 65535


def predict(api_url: str, photo: bytes, model: str, output: str, **query: str) -> bytes:
    """`/predict`'s bytes."""
    answer = requests.post(
        f"{api_url}/predict",
        params={"model": model, "output": output, **query},
        files={"image": ("photo.jpg", photo)},
        timeout=120,
    )
    answer.raise_for_status()
    return answer.content


def class_names(api_url: str, model: str) -> list[str]:
    taxonomy = requests.get(f"{api_url}/classes", params={"model": model}, timeout=30).json()
    return [c["name"] for c in taxonomy["classes"]]


def photo_requests(api_url: str) -> float:
    """How many photos the API was sent so far, from its Prometheus counters, once none is at work any more.

    A request is counted when it has ended, which is a moment after its answer came.
    """
    before, (now, at_work) = -1.0, _photo_requests(api_url)
    while at_work or now != before:
        time.sleep(0.2)
        before, (now, at_work) = now, _photo_requests(api_url)
    return now


def _photo_requests(api_url: str) -> tuple[float, float]:
    """Photos that were sent, and those that are worked on or wait."""
    total = at_work = 0.0
    for line in requests.get(f"{api_url}/metrics", timeout=30).text.splitlines():
        name, value = line.split("{")[0].split(" ")[0], line.rsplit(" ", 1)[1]
        if name.endswith("requests_total") and ("/predict" in line or "/compare" in line):
            total += float(value)
        elif name == "streetseg_admitted_requests":
            at_work = float(value)
    return total, at_work
