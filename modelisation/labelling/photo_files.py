"""The labels of photos in files: masks one beside the other in a folder, or in the format of a labelling tool."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError, UInt8Array
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray_png, encode_palette_png
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.labelling.label_formats import FORMATS, LabelFiles
from modelisation.outputs.files import OutputFolder, same_file

PNG = "png"


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


class Masks(LabelFiles):
    """A PNG a photo: a palette of the classes' colours, or class ids as 8-bit grey."""

    def __init__(self, taxonomy: Taxonomy, as_ids: bool = False) -> None:
        super().__init__(taxonomy)
        self._as_ids = as_ids
        self._palette = palette_of(taxonomy)

    def name(self, photo: Path) -> str:
        return f"{photo.stem}.png"

    def add(self, photo: Path, labels_HW: UInt8Array) -> bytes:
        return encode_gray_png(labels_HW) if self._as_ids else encode_palette_png(labels_HW, self._palette)


def label_files(taxonomy: Taxonomy, form: str, *, as_ids: bool = False) -> LabelFiles:
    """The writer of a format: `png`, or one of `FORMATS`."""
    return Masks(taxonomy, as_ids) if form == PNG else FORMATS[form](taxonomy)


def check_files(photos: Sequence[Path], out: Path, files: LabelFiles) -> None:
    """Check that the files of all photos can be written to `out`, before any is.

    Raises:
        UserError: `out` is the folder of a photo, or a file there would be written over that we did not make.
    """
    for folder in dict.fromkeys(photo.parent for photo in photos):
        if same_file(folder, out):
            raise UserError(f"{out} is the photos' own folder; choose another for their masks")
    OutputFolder(out, photos).check([*filter(None, map(files.name, photos)), *files.shared()])


def write_labels(
    predictor: Predictor, photos: Sequence[Path], out: Path, files: LabelFiles
) -> Iterator[tuple[Path, ImageError | None]]:
    """Write the labels of each photo to `out` at the photo's own size, one a step, and what they share at the end.

    A file that is there already is replaced where this function made it.

    Args:
        predictor: the served runtime.
        photos: JPEG, PNG or WEBP files with stems of their own, see `find_photos`.
        out: folder of the files; made where it is missing.
        files: the format.

    Yields:
        Each photo, with the reason where it could not be read and has no labels, else None.

    Raises:
        UserError: as `check_files`.
    """
    check_files(photos, out, files)
    with OutputFolder(out, photos) as folder:
        for photo in photos:
            try:
                labels = predictor.predict(photo.read_bytes(), MAX_FILE_PIXELS).labels_HW
            except ImageError as error:
                yield photo, error
                continue
            content, name = files.add(photo, labels), files.name(photo)
            if content is not None and name is not None:
                folder.write(name, content)
            yield photo, None
        for name, content in files.finish().items():
            folder.write(name, content)
