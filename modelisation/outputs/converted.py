"""A converted export, written: images/, labels/ and classes.yaml, in folders of its splits where it has some."""

from collections.abc import Callable
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.masks.png import encode_gray_png
from modelisation.data.class_files import CLASSES_FILE, to_yaml
from modelisation.data.convert import Survey, label_of, splits_of
from modelisation.outputs.files import OutputFolder
from modelisation.outputs.mark import lies_in


def write_converted(
    found: Survey, source: Path, out: Path, progress: Callable[[int], object] = lambda count: None
) -> None:
    """Write every picture as it is stored, with its label as 8-bit grey ids.

    Args:
        found: what is to be written.
        source: the export, which stays as it is.
        out: the folder; a file there is replaced only where this function wrote it.
        progress: called with 1 after each picture.

    Raises:
        UserError: the folder holds files of these names that are not ours, or is the export itself.
        DatasetError: picture and label differ in size.
    """
    export, with_splits = found.export, bool(splits_of(found.export))
    if lies_in(source, out):
        raise UserError(f"{out} holds {source}, which is read here; choose another folder to write into")
    folders = {p: f"{p.split}/" if with_splits else "" for p in export.pictures}
    names = {
        picture: (
            f"{folder}images/{picture.name}{picture.image.suffix.lower()}",
            f"{folder}labels/{picture.name}.png",
        )
        for picture, folder in folders.items()
    }
    with OutputFolder(out, [one for p in export.pictures for one in (p.image, p.label)]) as files:
        files.check([CLASSES_FILE, *(name for pair in names.values() for name in pair)])
        files.write(CLASSES_FILE, to_yaml(found.naming.classes).encode())
        for picture, (image, label) in names.items():
            ids = label_of(picture, found.naming)
            files.write(image, picture.image.read_bytes())
            files.write(label, encode_gray_png(ids))
            progress(1)
