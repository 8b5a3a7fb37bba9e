"""The masks of photos in files, written one beside the other into a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray_png, encode_palette_png
from back.runtime.predictor import Predictor


def find_photos(paths: Sequence[Path]) -> list[Path]:
    """The photos named, and those in the folders named.

    Raises:
        UserError: a path does not exist, a folder holds no photo, or two photos would give one mask file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"{path}: holds no photo ({', '.join(IMAGE_SUFFIXES)})")
        found += inside
    stems = [p.stem for p in found]
    twice = {stem for stem in stems if stems.count(stem) > 1}
    if twice:
        raise UserError(f"two photos are called {sorted(twice)[0]}: their masks would overwrite each other")
    return found


def write_masks(
    predictor: Predictor, photos: Sequence[Path], out: Path, *, as_ids: bool = False
) -> Iterator[tuple[Path, ImageError | None]]:
    """Write the mask of each photo to `out` as `<stem>.png` at the photo's own size, one photo a step.

    Args:
        predictor: the served runtime.
        photos: JPEG, PNG or WEBP files with stems of their own, see `find_photos`.
        out: folder of the masks; made where it is missing.
        as_ids: write class ids as 8-bit grey in place of a palette of the classes' colours.

    Yields:
        Each photo, with the reason where it could not be read and has no mask, else None.
    """
    palette = palette_of(predictor.card.taxonomy)
    out.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        try:
            labels = predictor.predict(photo.read_bytes(), MAX_FILE_PIXELS).labels_HW
        except ImageError as error:
            yield photo, error
            continue
        png = encode_gray_png(labels) if as_ids else encode_palette_png(labels, palette)
        (out / f"{photo.stem}.png").write_bytes(png)
        yield photo, None
