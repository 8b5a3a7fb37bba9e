"""Names of files that leave the dashboard: legal on every system, and no two alike."""

import re
import unicodedata
from collections.abc import Sequence

_LONGEST = 80  # letters: with a folder before it and an ending after it, a path fits everywhere
_LONGEST_BYTES = 200  # Linux and Android take 255 with the ending; an emoji has four
_ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u2028\u2029]')
# Letters without a look, among them those that turn the order round, so that "a<202e>gpj.exe" looks like a photo. The
# two joiners stay: emojis and Persian need them.
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
# Windows takes these for devices, whatever ending they have.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE)


def legal_name(name: str) -> str:
    """A name that Windows, macOS and Linux take, as much like the given one as can be."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = _ILLEGAL.sub("_", _UNSEEN.sub("", name))[:_LONGEST]
    name = name.encode()[:_LONGEST_BYTES].decode(errors="ignore").strip(" .")
    return f"_{name}" if not name or _DEVICES.fullmatch(name) else name


def tell_apart(names: Sequence[str]) -> list[str]:
    """The same names; one that differs from an earlier one in capitals alone, or not at all, gets a number."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        unique, number = name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        found.append(unique)
    return found
