"""When and where a photo was taken: as its camera wrote it, or not at all."""

import io
from datetime import datetime
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from modelisation.labelling.exif import Taken, read_taken

GPS, IFD, BASE = ExifTags.GPS, ExifTags.IFD, ExifTags.Base
PARIS = {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48, 51, 29.6), GPS.GPSLongitudeRef: "E"} | {
    GPS.GPSLongitude: (2, 17, 40.2)
}


def photo(gps: dict[int, Any], taken: Any = "2026:05:04 03:02:01", form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[BASE.Make] = "of a test"
    exif.get_ifd(IFD.GPSInfo).update(gps)
    exif.get_ifd(IFD.Exif)[BASE.DateTimeOriginal] = taken
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_time_and_place_are_read_of_every_kind_of_file(form: str) -> None:
    taken = read_taken(photo(PARIS, form=form))
    assert taken.time == datetime(2026, 5, 4, 3, 2, 1)
    assert (taken.latitude, taken.longitude) == (pytest.approx(48.858222), pytest.approx(2.294500))


def test_a_png_tells_them_behind_its_pixels_and_as_text_too() -> None:
    data = photo(PARIS, form="PNG")
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    behind = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert read_taken(behind) == read_taken(data) != Taken()
    text = PngImagePlugin.PngInfo()
    profile = (b"Exif\0\0" + data[start + 8 : end - 4]).hex()
    text.add_text("Raw profile type exif", f"\nexif\n{len(profile) // 2:8}\n{profile}\n", zip=True)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=text)
    assert read_taken(file.getvalue()) == read_taken(data)


def test_a_png_without_them_is_not_decoded_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert read_taken(file.getvalue()) == Taken()


def test_south_and_west_are_negative() -> None:
    taken = read_taken(photo(PARIS | {GPS.GPSLatitudeRef: "S", GPS.GPSLongitudeRef: "W"}))
    assert (taken.latitude, taken.longitude) == (pytest.approx(-48.858222), pytest.approx(-2.294500))


@pytest.mark.parametrize(
    "change",
    [
        {GPS.GPSLatitude: (91, 0, 0)},
        {GPS.GPSLatitude: (48, 51)},
        {GPS.GPSLatitudeRef: "X"},
        {GPS.GPSLongitudeRef: ""},
        {GPS.GPSLongitude: (2, 60, 1e6)},
    ],
)
def test_a_place_that_cannot_be_is_none(change: dict[int, Any]) -> None:
    taken = read_taken(photo(PARIS | change))
    assert (taken.latitude, taken.longitude) == (None, None)
    assert taken.time is not None


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "yesterday", "    :  :     :  :  "])
def test_a_time_that_cannot_be_is_none(text: str) -> None:
    assert read_taken(photo(PARIS, text)).time is None


def test_damage_and_absence_tell_nothing() -> None:
    plain = io.BytesIO()
    Image.new("RGB", (8, 8)).save(plain, "JPEG")
    whole = photo(PARIS)
    damaged = whole.replace(b"MM\0*", b"XX\0*")
    assert damaged != whole
    for data in (plain.getvalue(), b"", b"no photo", whole[:40], damaged):
        assert read_taken(data) == Taken()
