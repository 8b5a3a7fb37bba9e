"""Cityscapes' official layout (Cordts et al., CVPR 2016).

`leftImg8bit/<split>/<city>/<name>_leftImg8bit.png` with `gtFine/<split>/<city>/<name>_gtFine_labelIds.png`, or the
same under `gtCoarse` where a split has no fine labels. Pictures may be JPEG, WEBP, HEIC or AVIF as well.
"""

from pathlib import Path

from back.runtime.layouts.listing import (
    IMAGE_SUFFIXES,
    LABEL_SUFFIXES,
    Found,
    LeftOut,
    child,
    scan,
    shown,
    subfolders,
)

KIND = "cityscapes"
_IMAGES = "leftImg8bit"
_LABELS = ("gtFine", "gtCoarse")


def recognises(root: Path) -> bool:
    return (root / _IMAGES).is_dir()


def splits(root: Path) -> list[str]:
    """The splits on disk, with pictures or labels."""
    return sorted({path.name for kind in (_IMAGES, *_LABELS) for path in subfolders(root / kind)})


def images(root: Path, split: str) -> Found:
    """The pictures of a split, by `city/name`."""
    folder = child(root / _IMAGES, split)
    beside_cities = sorted(folder.iterdir()) if folder else []
    astray = [LeftOut("not_cityscapes", shown(p)) for p in beside_cities if p.suffix.lower() in IMAGE_SUFFIXES]
    found = _cities(folder, f"_{_IMAGES}", IMAGE_SUFFIXES, "not_cityscapes")
    return Found(found.files, (*astray, *found.left_out), folder, found.ending)


def labels(root: Path, split: str) -> Found:
    """The labels of a split, by `city/name`; coarse ones where it has no fine ones."""
    folders = {kind: child(root / kind, split) for kind in _LABELS}
    kind = next((kind for kind, folder in folders.items() if folder), _LABELS[0])
    return _cities(folders[kind], f"_{kind}_labelIds", LABEL_SUFFIXES)


def clip_of(name: str) -> str:
    """`aachen_000000_000019` -> `aachen_000000`: city and clip, without the frame."""
    return name.rsplit("_", 1)[0]


def _cities(folder: Path | None, ending: str, suffixes: tuple[str, ...], misnamed: str | None = None) -> Found:
    files: dict[str, Path] = {}
    left_out: list[LeftOut] = []
    names: dict[str, Path] = {}
    for city in subfolders(folder):
        found = scan(city, suffixes, ending, misnamed)
        left_out += found.left_out
        for name, path in found.files.items():
            if name in names:
                left_out.append(LeftOut("second_of_a_name", shown(path), f"{shown(names[name])} is read"))
            else:
                names[name] = files[f"{city.name}/{name}"] = path
    return Found(files, tuple(left_out), folder, ending)
