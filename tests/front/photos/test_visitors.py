"""Albums of visitors: found again by the token in the address, for a while and within a limit of bytes."""

import pytest

from front.photos import visitors as visitors_module
from front.photos.album import Album
from front.photos.picture import PhotoError
from front.photos.visitors import KEPT_SECONDS, PARAMETER, Visitors, album_of
from tests.front.conftest import jpeg


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def visit(visitors: Visitors, address: dict[str, str]) -> tuple[dict[str, object], Album]:
    """A browser that opens an address; its session and album."""
    session: dict[str, object] = {}
    return session, album_of(session, address, visitors)


def test_the_album_outlives_reruns_and_its_address_leads_back_to_it() -> None:
    visitors, address = Visitors(), {}
    session, album = visit(visitors, address)
    assert PARAMETER not in address  # nothing to come back to yet
    photo = album.add("a.jpg", jpeg())
    assert album_of(session, address, visitors) is album
    again, found = visit(visitors, dict(address))
    assert found is album
    assert found.current == photo
    assert again["photos_gone"] is False


def test_without_photos_the_address_says_nothing() -> None:
    visitors, address = Visitors(), {}
    session, album = visit(visitors, address)
    album.add("a.jpg", jpeg())
    album_of(session, address, visitors)
    album.clear()
    album_of(session, address, visitors)
    assert address == {}


def test_tokens_cannot_be_guessed_and_another_s_album_is_not_given_out() -> None:
    visitors = Visitors()
    tokens = {visitors.new_album()[0] for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 22
    session, album = visit(visitors, {PARAMETER: "0"})
    assert not album.photos
    assert session["photos_gone"] is True


def test_a_closed_page_s_photos_go_an_hour_after_the_last_visit() -> None:
    clock = Clock()
    visitors, address = Visitors(clock), {}
    session, album = visit(visitors, address)
    path = album.add("a.jpg", jpeg()).kept
    album_of(session, address, visitors)
    del session, album  # the page is closed
    clock.now = KEPT_SECONDS - 1
    _, album = visit(visitors, dict(address))
    assert album.photos
    del album, _
    clock.now += KEPT_SECONDS + 1
    visitors.forget_old()
    assert not path.exists()  # type: ignore[union-attr]
    session, album = visit(visitors, dict(address))
    assert not album.photos
    assert session["photos_gone"] is True


def test_an_open_page_keeps_its_photos_however_long_nobody_presses_anything() -> None:
    clock = Clock()
    visitors, address = Visitors(clock), {}
    session, album = visit(visitors, address)
    album.add("a.jpg", jpeg())
    album_of(session, address, visitors)
    clock.now = 10 * KEPT_SECONDS
    visitors.forget_old()
    assert visit(visitors, dict(address))[1] is album


def test_for_want_of_room_closed_pages_go_first_and_then_no_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    data = [jpeg(seed=i) for i in range(4)]
    monkeypatch.setattr(visitors_module, "KEPT_BYTES", len(data[0]) + len(data[1]) + 100)
    visitors = Visitors()
    closed, opened = {}, {}
    session, album = visit(visitors, closed)
    album.add("a.jpg", data[0])
    album_of(session, closed, visitors)
    del session, album
    session, album = visit(visitors, opened)
    album.add("b.jpg", data[1])
    album_of(session, opened, visitors)
    album.add("c.jpg", data[2])  # the closed page's make room
    assert not visit(visitors, dict(closed))[1].photos
    with pytest.raises(PhotoError, match="the dashboard keeps as many photos as it can"):
        album.add("d.jpg", data[3])
    assert len(album.photos) == 2
