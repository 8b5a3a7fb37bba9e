"""A visitor drops a clip: it is cancelled, dropped again, labelled, played and taken away.

By one model: a second takes five more seconds of the processor, for a page that `tests/front/video` covers.
"""

import io
import re
import zipfile

import av
import pytest
from playwright.sync_api import Page, expect

from modelisation.scenes.drive import render_drive
from tests.browser.steps import fits, go_to
from tests.browser.test_downloads import press_download
from tests.clips import make_clip

FRAMES = 8


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A rendered drive of eight small frames, ten a second."""
    pictures = [scene.image for scene in render_drive(3, FRAMES, 96, 192)]
    return make_clip(tmp_path_factory.mktemp("drive") / "drive.mp4", pictures, sound="aac").read_bytes()


def drop(page: Page, clip: bytes) -> None:
    box = page.locator("input[type=file]").first
    box.wait_for(state="attached")
    box.set_input_files([{"name": "my drive.mp4", "mimeType": "video/mp4", "buffer": clip}])
    # For a moment Streamlit shows the button of before, which cannot be pressed, beside the new one.
    page.get_by_role("button", name=re.compile("^Label the clip"), disabled=False).first.click()


def times(page: Page) -> list[float]:
    """Where each film is, seconds."""
    return [film.evaluate("e => e.currentTime") for film in page.locator(".player video").all()]


def test_from_a_clip_to_its_files_with_a_cancel_in_between(page: Page, drive: bytes) -> None:
    go_to(page, "Video")
    drop(page, drive)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled: the clip and what was made of it are deleted.")).to_be_visible()
    assert "job=" not in page.url

    drop(page, drive)
    player = page.locator(".player[data-ready=true]")
    player.wait_for()
    assert page.url.count("job=") == 1
    page.reload()  # the address leads back
    player.wait_for()
    films = page.locator(".player video")
    expect(films).to_have_count(2)
    expect(page.locator(".player figcaption")).to_have_text(
        ["Original", "DeepLabV3+", "Share of the picture, DeepLabV3+"]
    )
    assert fits(page)
    assert films.evaluate_all("all => all.map(e => [e.videoWidth, e.videoHeight])") == [[192, 96]] * 2

    plot = page.locator(".player .plot")
    box = plot.bounding_box()
    assert box is not None
    plot.click(position={"x": box["width"] / 2, "y": 9})
    length = films.first.evaluate("e => e.duration")
    assert times(page) == [pytest.approx(length / 2, abs=0.01)] * 2

    page.get_by_role("slider", name="Position in the clip").fill("0")
    expect(page.locator(".player .time")).to_have_text(re.compile(r"^0:00\.0 / 0:00\.[789]"))
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".player .time")).to_have_text(
        re.compile(r"^(0:00\.[789]) / \1")
    )  # all were played to the end
    ends = times(page)
    assert max(ends) - min(ends) < 0.11, "no more than a frame apart"

    _, overlay = press_download(page, "DeepLabV3+ overlay")
    with av.open(io.BytesIO(overlay)) as file:
        assert sum(1 for _ in file.decode(video=0)) == FRAMES
    name, maps = press_download(page, "DeepLabV3+ class maps")
    assert name == "clip_deeplabv3plus_classes.zip"  # the API does not know what the file was called
    with zipfile.ZipFile(io.BytesIO(maps)) as archive:
        assert len([member for member in archive.namelist() if member.endswith(".png")]) == FRAMES
    _, table = press_download(page, "DeepLabV3+ shares")
    assert table.count(b"\n") == 1 + FRAMES
