"""The albums of all visitors: found again by a token in the address, for a while and within a limit of bytes."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import Any
from weakref import ReferenceType, WeakValueDictionary, ref

import streamlit as st

from front.photos.album import Album

PARAMETER = "photos"  # of the address
KEPT_SECONDS = 3600.0
# For all visitors together; in a container the files lie in memory.
KEPT_BYTES = 800 * 2**20
_SWEEP_SECONDS = 60.0


class Visitors:
    """Albums by token. One that a browser has open stays, others for an hour after the last visit if there is room.

    A visitor's session holds its album, so letting go of an album here ends only one whose page is closed: its files
    go with the last who holds it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: WeakValueDictionary[str, Album] = WeakValueDictionary()
        self._held: OrderedDict[str, tuple[Album, float]] = OrderedDict()  # the longest ago visited first
        self._lock = threading.RLock()
        threading.Thread(target=_sweep, args=(ref(self),), name="photos-sweep", daemon=True).start()

    def new_album(self) -> tuple[str, Album]:
        """An empty album and its token."""
        token, album = secrets.token_urlsafe(16), Album(self._make_room)
        with self._lock:
            self._all[token] = album
        return token, album

    def visit(self, token: str) -> Album | None:
        """The album of a token, kept for another while; None when it is gone."""
        with self._lock:
            album = self._all.get(token)
            if album is not None:
                self._held[token] = (album, self._clock())
                self._held.move_to_end(token)
            self.forget_old()
            return album

    def forget_old(self) -> None:
        """Let go of albums whose time is over."""
        with self._lock:
            while self._held and next(iter(self._held.values()))[1] + KEPT_SECONDS < self._clock():
                self._held.popitem(last=False)

    def _make_room(self, size: int) -> bool:
        with self._lock:
            while (full := self._bytes_kept() + size > KEPT_BYTES) and self._held:
                self._held.popitem(last=False)
            return not full

    def _bytes_kept(self) -> int:
        return sum(album.bytes_kept for album in list(self._all.values()))


def _sweep(reference: "ReferenceType[Visitors]") -> None:
    """Forget old albums though nobody comes, for as long as there are visitors to speak of."""
    while (known := reference()) is not None:
        known.forget_old()
        del known
        time.sleep(_SWEEP_SECONDS)


@st.cache_resource(show_spinner=False)
def visitors() -> Visitors:
    """The process's one."""
    return Visitors()


def album_of(session: MutableMapping[Any, Any], address: MutableMapping[str, str], visitors: Visitors) -> Album:
    """The session's album: the one it has, else that of the address, else a new one. The address leads back to it.

    Sets `photos_gone` in the session where the address names an album that is gone.
    """
    if "album" not in session:
        asked = address.get(PARAMETER)
        found = visitors.visit(asked) if asked else None
        session["photos_gone"] = bool(asked) and found is None
        session["photos_token"], session["album"] = (asked, found) if found else visitors.new_album()
    album: Album = session["album"]
    visitors.visit(session["photos_token"])
    if not album.photos:
        address.pop(PARAMETER, None)
    elif address.get(PARAMETER) != session["photos_token"]:
        address[PARAMETER] = session["photos_token"]
    return album
