"""The masks of photos in files, written one beside the other into a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray_png, encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.outputs.files import OutputFolder, same_file


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


def check_masks(photos: Sequence[Path], out: Path) -> None:
    """Check that the masks of all photos can be written to `out`, before any is.

    Raises:
        UserError: `out` is the folder of a photo, or a file there would be written over that we did not make.
    """
    for folder in dict.fromkeys(photo.parent for photo in photos):
        if same_file(folder, out):
            raise UserError(f"{out} is the photos' own folder; choose another for their masks")
    OutputFolder(out, photos).check(_mask_name(photo) for photo in photos)


def write_masks(
    predictor: Predictor, photos: Sequence[Path], out: Path, *, as_ids: bool = False
) -> Iterator[tuple[Path, ImageError | None]]:
    """Write the mask of each photo to `out` as `<stem>.png` at the photo's own size, one photo a step.

    A file that is there already is replaced where this function made it.

    Args:
        predictor: the served runtime.
        photos: JPEG, PNG or WEBP files with stems of their own, see `find_photos`.
        out: folder of the masks; made where it is missing.
        as_ids: write class ids as 8-bit grey in place of a palette of the classes' colours.

    Yields:
        Each photo, with the reason where it could not be read and has no mask, else None.

    Raises:
        UserError: as `check_masks`.
    """
    check_masks(photos, out)
    palette = palette_of(predictor.card.taxonomy)
    with OutputFolder(out, photos) as masks:
        for photo in photos:
            try:
                labels = predictor.predict(photo.read_bytes(), MAX_FILE_PIXELS).labels_HW
            except ImageError as error:
                yield photo, error
                continue
            png = encode_gray_png(labels) if as_ids else encode_palette_png(labels, palette)
            masks.write(_mask_name(photo), png)
            yield photo, None


def _mask_name(photo: Path) -> str:
    return f"{photo.stem}.png"
