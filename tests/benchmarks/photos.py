"""The photos that every row gets, and the labelled ones for mIoU: CamVid where it is there, else rendered scenes.

Nothing of them is kept: they live in memory and in a temporary folder.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.provenance import REPOSITORY
from modelisation.scenes.render import render_scene
from modelisation.scenes.writer import write_scenes

UInt8Array = npt.NDArray[np.uint8]

CAMVID = REPOSITORY.parent / "shared" / "camvid"
# Where the photo is 2048x1024 this is a network input of 1024x512.
LARGE_BUDGET = 1024 * 512
LABELLED = 26


@dataclass(frozen=True)
class Case:
    """One photo as a file, and the network input that every row brings it to.

    Attributes:
        name: for people, for example `2048x1024 JPEG`.
        height, width: of the photo.
        pixel_budget: of the network input, None for the one on the model's card.
    """

    name: str
    data: bytes
    height: int
    width: int
    pixel_budget: int | None

    def network_input(self, contract: InputContract) -> tuple[int, int]:
        """Height and width of the network's input."""
        plan = plan_resize(self.height, self.width, contract, self.pixel_budget)
        return plan.padded_height, plan.padded_width


def make_cases(data: Path) -> list[Case]:
    """The headline photo first. `data` is CamVid's folder, which may be missing."""
    frame = _frame(data)
    wide = frame.crop((0, frame.height // 2 - frame.width // 4, frame.width, frame.height // 2 + frame.width // 4))
    return [
        _case(wide, 2048, 1024, "JPEG", LARGE_BUDGET),
        _case(wide, 1024, 512, "JPEG", LARGE_BUDGET),
        _case(frame, 4000, 3000, "JPEG", LARGE_BUDGET),
        _case(frame, 480, 360, "PNG", None),
    ]


def labelled_photos(data: Path, scratch: Path) -> SegmentationDataset:
    """About two dozen photos with labels in street8, spread over CamVid's val split, else rendered into `scratch`."""
    if not data.is_dir():
        write_scenes(scratch, {"val": LABELLED}, 360, 480)
        return open_dataset(scratch, "val", "street8")
    val = open_dataset(data, "val", "street8")
    keep = np.linspace(0, len(val) - 1, min(len(val), LABELLED)).astype(int)
    return val.subset([val.items[i] for i in keep], "val")


def _frame(data: Path) -> Image.Image:
    if not data.is_dir():
        return Image.fromarray(render_scene(1, 768, 1024).image)
    return Image.fromarray(open_dataset(data, "val", "street8")[0].image)


def _case(picture: Image.Image, width: int, height: int, file_format: str, pixel_budget: int | None) -> Case:
    buffer = io.BytesIO()
    photo = picture.resize((width, height), Image.Resampling.LANCZOS)
    photo.save(buffer, file_format, **({"quality": 90} if file_format == "JPEG" else {}))
    return Case(f"{width}x{height} {file_format}", buffer.getvalue(), height, width, pixel_budget)
