"""What Chromium shows of odd photo files, measured again: the values in tests/photo_files.py are not our own."""

import base64

import numpy as np
from PIL import Image
from playwright.sync_api import Browser

from back.runtime.imaging import ImageError, decode_image
from tests.heif_files import avif
from tests.photo_files import BROKEN_PNGS, EXIF, JPEGS, PNGS, exif_segment, jpeg, plain_jpeg

_SHOW = """async (files) => {
  const shown = {};
  for (const [name, data] of Object.entries(files)) {
    const image = new Image();
    const loaded = new Promise((resolve) => {
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
    });
    image.src = data;
    if (!await loaded) { shown[name] = null; continue; }
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    shown[name] = [canvas.height, canvas.width, [...context.getImageData(0, 0, canvas.width, canvas.height).data]];
  }
  return shown;
}"""


def shown(browser: Browser, files: dict[str, bytes]) -> dict[str, np.ndarray | None]:
    """RGBA as Chromium shows each file; None where it shows none."""
    page = browser.new_page()
    kinds = {b"\x89P": "png", b"\xff\xd8": "jpeg", b"RI": "webp", b"\0\0": "avif"}
    urls = {
        name: f"data:image/{kinds[data[:2]]};base64,{base64.b64encode(data).decode()}" for name, data in files.items()
    }
    try:
        answers = page.evaluate(_SHOW, urls)
    finally:
        page.close()
    return {
        name: None if answer is None else np.array(answer[2], np.uint8).reshape(answer[0], answer[1], 4)
        for name, answer in answers.items()
    }


def test_pngs_are_read_as_chromium_shows_them(browser: Browser) -> None:
    for name, rgba in shown(browser, {name: data for name, (data, _) in PNGS.items()}).items():
        assert rgba is not None, name
        np.testing.assert_array_equal(decode_image(PNGS[name][0], 10**6), rgba[..., :3], err_msg=name)


def test_jpegs_are_turned_as_chromium_turns_them(browser: Browser) -> None:
    files = {name: jpeg(exif_segment(block)) for name, (block, _) in EXIF.items()}
    files |= {name: data for name, (data, _) in JPEGS.items()}
    for name, rgba in shown(browser, files).items():
        assert rgba is not None, name
        ours = decode_image(files[name], 10**6).astype(int)
        assert ours.shape == rgba[..., :3].shape, name
        assert np.abs(ours - rgba[..., :3]).max() <= 3, name  # decoders of JPEG round differently


def test_what_chromium_does_not_show_whole_is_refused(browser: Browser) -> None:
    whole = shown(browser, {"plain": PNGS["plain"][0]})["plain"]
    for name, rgba in shown(browser, BROKEN_PNGS).items():
        assert rgba is None or rgba.shape != whole.shape or (rgba != whole).any(), name
        try:
            decode_image(BROKEN_PNGS[name], 10**6)
        except ImageError:
            continue
        raise AssertionError(f"{name} is read")


def test_chromium_turns_no_webp(browser: Browser) -> None:
    from tests.back.runtime.headers.test_webp import EXIF_CHUNK, with_chunks

    rgba = shown(browser, {"webp": with_chunks(EXIF_CHUNK), "jpeg": plain_jpeg()})["webp"]
    assert rgba is not None
    np.testing.assert_array_equal(decode_image(with_chunks(EXIF_CHUNK), 10**6), rgba[..., :3])


def test_chromium_turns_an_avif_as_the_api_does(browser: Browser) -> None:
    files = {}
    for orientation in (2, 6, 7):  # each in a process of its own
        exif = Image.Exif()
        exif[0x0112] = orientation
        files[str(orientation)] = avif(exif=exif)
    for name, seen in shown(browser, files).items():
        assert seen is not None
        np.testing.assert_allclose(decode_image(files[name], 10**6), seen[..., :3], atol=2)
