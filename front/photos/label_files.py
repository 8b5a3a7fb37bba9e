"""Label files: what their values most likely are, and what speaks against it.

The API alone reads label files, since bit depth and palette decide which values the pixels have; here the values and
the file's name are looked at, so that a visitor need not know what kind of file it is.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# The values in a file, by what it may be; nothing of a kind that it cannot be, or while they are not known.
Values = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class LabelKind:
    """What the values of a label file may be.

    Attributes:
        title: its name for people.
        fits: class sets of models that the API can judge by it.
        values: all that such a file may hold.
        file_name: what the names of such files have in them, as a pattern in small letters.
    """

    title: str
    fits: frozenset[str]
    values: frozenset[int]
    file_name: str


_VOID = frozenset({255})
# Tests hold kinds, class sets and values against the API's own tables.
KINDS: Mapping[str, LabelKind] = {
    "street8": LabelKind(
        "StreetSeg's eight classes, 0 to 7",
        frozenset({"street8", "cityscapes7"}),
        _VOID | frozenset(range(8)),
        "street8",
    ),
    "cityscapes_label_ids": LabelKind(
        "Cityscapes labelIds",
        frozenset({"street8", "cityscapes19", "cityscapes7"}),
        _VOID | frozenset(range(34)),
        "labelids",
    ),
    "cityscapes19": LabelKind(
        "Cityscapes trainIds",
        frozenset({"street8", "cityscapes19", "cityscapes7"}),
        _VOID | frozenset(range(19)),
        "trainids|cityscapes19",
    ),
    "cityscapes7": LabelKind(
        "Cityscapes categories", frozenset({"cityscapes7"}), _VOID | frozenset(range(7)), "cityscapes7|categor"
    ),
    "camvid11": LabelKind(
        "CamVid, 11 classes",
        frozenset({"street8", "cityscapes7"}),
        frozenset(range(12)),
        "camvid|0001tp_|0006r0_|0016e5_|seq05vd_",
    ),
}


@dataclass(frozen=True)
class LabelFile:
    """A file with the true classes of a photo.

    Attributes:
        kept: its bytes, or the file that holds them.
    """

    sha: str
    name: str
    size: int
    kept: bytes | Path = field(repr=False)

    @classmethod
    def of(cls, name: str, data: bytes) -> "LabelFile":
        return cls(hashlib.sha256(data).hexdigest(), name, len(data), data)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.kept if isinstance(self.kept, bytes) else self.kept.read_bytes()


def kind_key(label: LabelFile) -> str:
    """Where the session keeps what a file is taken for."""
    return f"label-kind-{label.sha[:12]}"


def kind_of(name: str) -> LabelKind:
    """A kind of label file by its name: one of `KINDS`, or the ids of a model's own class set."""
    return KINDS.get(name) or LabelKind(f"ids of {name}", frozenset({name}), frozenset(range(256)), re.escape(name))


def kinds_for(taxonomies: Iterable[str]) -> list[str]:
    """What a label file may be so that models of all these class sets can be judged by it."""
    wanted = set(taxonomies)
    known = [kind for kind, one in KINDS.items() if wanted <= one.fits]
    return known or (list(wanted) if len(wanted) == 1 else [])


def likely_kind(label: LabelFile, values: Values, kinds: Sequence[str]) -> str:
    """Which of these kinds a file most likely is: by its name, else the narrowest that has all its values."""
    fitting = [kind for kind in kinds if _fits(kind, values)] or list(kinds)
    named = [kind for kind in fitting if re.search(kind_of(kind).file_name, label.name.lower())]
    return min(named or fitting, key=lambda kind: len(kind_of(kind).values))


def doubt(label: LabelFile, values: Values, kind: str, kinds: Sequence[str]) -> str | None:
    """What speaks against a file being of a kind, and which of the others fits; None where nothing does."""
    known, held = kind_of(kind), _held(kind, values)
    strange = sorted(held - known.values)
    if strange:
        shown = _listed(strange[:6]) + (" and more" if len(strange) > 6 else "")
        likely = likely_kind(label, values, kinds)
        better = f" They fit {kind_of(likely).title}." if _fits(likely, values) else ""
        return f"{label.name} holds {shown}; there are no such values in {known.title}.{better}"
    if held == {0, 255}:
        return f"{label.name} holds 0 and 255 alone: a black-and-white mask, where class ids are needed."
    if len(held) == 1:
        return f"{label.name} holds nothing but {held.pop()}: one value all over the photo."
    return None


def in_plain_words(advice: str) -> str:
    """The API's sentence on a label file, without the names of its parameters."""
    choose = "; choose what it holds under “Label file”"
    return re.sub(r"[;,]?\s*(or )?set label_taxonomy[^.;]*", choose, advice)


def _listed(values: Sequence[int]) -> str:
    """`1, 2 and 3`."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last


def _fits(kind: str, values: Values) -> bool:
    """Whether a file's values, read as those of a kind, all are."""
    held = _held(kind, values)
    return bool(held) and held <= kind_of(kind).values


def _held(kind: str, values: Values) -> set[int]:
    """The values of a file read as those of a kind; of a model's own classes, what all readings agree on."""
    if kind in KINDS:
        return set(values.get(kind, ()))
    readings = set(map(frozenset, values.values()))
    return set(readings.pop()) if len(readings) == 1 else set()
