"""Which layout a data folder has, and a split's pairs whatever the layout."""

from pathlib import Path
from typing import Protocol

from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.listing import Found, Listing, match


class Layout(Protocol):
    """What a layout's module offers."""

    KIND: str

    def recognises(self, root: Path) -> bool:
        """Whether a folder has this layout."""
        ...

    def splits(self, root: Path) -> list[str]:
        """The splits on disk."""
        ...

    def images(self, root: Path, split: str) -> Found:
        """The pictures of a split; none where there is no such split."""
        ...

    def labels(self, root: Path, split: str) -> Found:
        """The labels of a split."""
        ...

    def clip_of(self, name: str) -> str:
        """The video clip that a picture belongs to, by its name."""
        ...


LAYOUTS: tuple[Layout, ...] = (cityscapes, camvid, folder)


def layout_of(root: Path) -> Layout | None:
    """The layout of a data folder; None where it has none that is known."""
    return next((layout for layout in LAYOUTS if layout.recognises(root)), None)


def list_split(layout: Layout, root: Path, split: str) -> Listing:
    """The pictures and labels of a split, paired; nothing where there is no such split."""
    return match(split, layout.images(root, split), layout.labels(root, split), layout.clip_of)
