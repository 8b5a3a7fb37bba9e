"""The labels of photos in files: masks one beside the other in a folder, or in the format of a labelling tool."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.imaging import UInt8Array
from back.runtime.layouts.listing import IMAGE_SUFFIXES, LeftOut, Listing, composed, scan, sentences, shown
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray16_png, encode_gray_png, encode_palette_png
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.labelling.format_names import PNG
from modelisation.labelling.label_formats import FORMATS, LabelFiles
from modelisation.labelling.label_photos import label_photos
from modelisation.outputs.files import OutputFolder, same_file


def find_photos(paths: Sequence[Path], out: Path) -> tuple[list[Path], list[str]]:
    """The photos named and those in the folders named; and in sentences, what of these folders is left out.

    A folder is read as a data set's folder of pictures is: the same files, in the same order, the same words. A photo
    that is named twice is read once.

    Args:
        paths: photos, or folders of photos.
        out: folder of the masks, which may lie in one of these folders and holds no photos.

    Raises:
        UserError: a path does not exist, a folder holds no photo, or two photos would give one mask file.
    """
    found: list[Path] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        if not path.is_dir():
            found.append(path)
            continue
        inside = scan(path, IMAGE_SUFFIXES)
        strange = [one for one in inside.left_out if not Path(one.path).resolve().is_relative_to(out.resolve())]
        if not inside.files:
            why = "".join(f"; {sentence}" for sentence in sentences(Listing((), tuple(strange))))
            raise UserError(f"{path}: holds no photo ({', '.join(IMAGE_SUFFIXES)}){why}")
        found += inside.files.values()
        left_out += strange
    photos: dict[str, Path] = {}
    for photo in found:
        other = photos.setdefault(composed(photo.stem), photo)
        if other is not photo and not same_file(other, photo):
            raise UserError(
                f"{shown(other)} and {shown(photo)}: two photos are called {shown(photo.stem)}, so that their masks "
                "would overwrite each other; predict them into two folders"
            )
    return list(photos.values()), sentences(Listing((), tuple(left_out)))


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


def confidence_name(photo: Path) -> str:
    """Name of the file that says how sure the model is of a photo's labels."""
    return f"{photo.stem}.confidence.png"


def check_files(photos: Sequence[Path], out: Path, files: LabelFiles, *, confidence: bool = False) -> None:
    """Check that the files of all photos can be written to `out`, before any is.

    Raises:
        UserError: `out` is the folder of a photo, two photos would give one file, or a file there would be written
            over that we did not make.
    """
    for folder in dict.fromkeys(photo.parent for photo in photos):
        if same_file(folder, out):
            raise UserError(f"{out} is the photos' own folder; choose another for their masks")
    names = [*filter(None, map(files.name, photos)), *files.shared()]
    if confidence:
        more = {composed(confidence_name(photo)): photo for photo in photos}
        for name in names:
            if other := more.get(composed(name)):
                raise UserError(
                    f"{shown(name)} would be both a photo's labels and how sure the model is of {shown(other)}; "
                    "predict the two into two folders"
                )
        names += map(confidence_name, photos)
    OutputFolder(out, photos).check(names)


def write_labels(
    predictor: Predictor, photos: Sequence[Path], out: Path, files: LabelFiles, *, confidence: bool = False
) -> Iterator[tuple[Path, UserError | None]]:
    """Write the labels of each photo to `out` at the photo's own size, one a step, and what they share at the end.

    A file that is there already is replaced where this function made it.

    Args:
        predictor: the served runtime.
        photos: JPEG, PNG, WEBP, HEIC or AVIF files with stems of their own, see `find_photos`.
        out: folder of the files; made where it is missing.
        files: the format.
        confidence: also write how sure the model is of each photo, as 16-bit grey PNG of 0..65535.

    Yields:
        Each photo, with the reason where it could not be read and has no labels, else None.

    Raises:
        UserError: as `check_files`.
    """
    check_files(photos, out, files, confidence=confidence)
    predictions = label_photos(predictor, photos, confidence=confidence)
    with OutputFolder(out, photos) as folder, closing(predictions) as labelled:
        for photo, prediction in labelled:
            if isinstance(prediction, UserError):
                yield photo, prediction
                continue
            content, name = files.add(photo, prediction.labels_HW), files.name(photo)
            if content is not None and name is not None:
                folder.write(name, content)
            if prediction.confidence_HW is not None:
                folder.write(confidence_name(photo), encode_gray16_png(prediction.confidence_HW))
            yield photo, None
        for name, content in files.finish().items():
            folder.write(name, content)
