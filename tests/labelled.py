"""Small folders of photos with labels, in every way in which people have them, and zips of them."""

import io
import zipfile
from collections.abc import Mapping

from back.runtime.taxonomy import STREET8
from tests.bundles import paint, png_bytes, stripes

HEIGHT, WIDTH = 32, 64


def scene(wrong: int = 0) -> tuple[bytes, bytes]:
    """A photo that test bundles label, and its label, of which `wrong` of 64 columns say something else."""
    labels_HW = stripes(HEIGHT, WIDTH, 8)
    truth_HW = labels_HW.copy()
    truth_HW[:, :wrong] = 6
    return png_bytes(paint(labels_HW, STREET8)), png_bytes(truth_HW)


def pairs(count: int) -> dict[str, bytes]:
    """`images/` and `labels/`; of picture i, i columns are wrong, and every picture is a clip of its own."""
    files = {}
    for number in range(count):
        photo, label = scene(number)
        name = f"{chr(97 + number % 26)}{chr(97 + number // 26)}street"
        files[f"images/{name}.png"], files[f"labels/{name}.png"] = photo, label
    return files


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
