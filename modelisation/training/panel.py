"""A few pictures of the validation split and what the network makes of them, epoch after epoch, for the Runs page."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.mlflow_names import PANEL_FOLDER, PANEL_PHOTOS, PANEL_TRUTH, panel_file
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample
from modelisation.figures.colours import label_colours
from modelisation.models.base import SegmentationModel
from modelisation.models.predict import predict_labels
from modelisation.training.tracking import Tracker

_PICTURES, _WIDTH, _GAP = 4, 480, 6
_MOST_EPOCHS = 40  # whose pictures are kept, spread over the run


class Panel:
    """The pictures that are looked at after an epoch, some 30 kB each time.

    Args:
        samples: of the validation split.
        contract, taxonomy: of the network.
        epochs: that the run has.
    """

    def __init__(self, samples: Sequence[Sample], contract: InputContract, taxonomy: Taxonomy, epochs: int) -> None:
        apart = max(1, len(samples) // _PICTURES)
        self.samples = [samples[i] for i in range(0, len(samples), apart)][:_PICTURES]
        self._contract, self._taxonomy, self._epochs = contract, taxonomy, epochs

    def predictions(self, model: SegmentationModel) -> list[np.ndarray]:
        """uint8 [H, W], the label map of each picture."""
        was_training = model.training
        model.eval()
        labels = [predict_labels(model, sample.image, self._contract)[0] for sample in self.samples]
        model.train(was_training)
        return labels

    def log_start(self, tracker: Tracker) -> None:
        """Log the photos and their labels."""
        photos = _stack([Image.fromarray(sample.image) for sample in self.samples], Image.Resampling.BOX, "white")
        tracker.log_bytes(_encoded(photos, "JPEG", quality=88), f"{PANEL_FOLDER}/{PANEL_PHOTOS}")
        tracker.log_bytes(self._coloured([sample.label for sample in self.samples]), f"{PANEL_FOLDER}/{PANEL_TRUTH}")

    def log_epoch(self, tracker: Tracker, epoch: int, model: SegmentationModel) -> None:
        """Log what the network makes of them; of a long run not after every epoch, but always after the last."""
        every = -(-self._epochs // _MOST_EPOCHS)
        if epoch % every == 0 or epoch in (1, self._epochs):
            picture = self._coloured(self.predictions(model))
            tracker.log_bytes(picture, f"{PANEL_FOLDER}/{panel_file(epoch)}")

    def _coloured(self, labels: Sequence[np.ndarray]) -> bytes:
        colours = label_colours(self._taxonomy)
        pictures = [Image.fromarray(label_HW) for label_HW in labels]
        stacked = _stack(pictures, Image.Resampling.NEAREST, self._taxonomy.ignore_index)
        stacked.putpalette(colours.tobytes())
        return _encoded(stacked, "PNG", optimize=True)


def _stack(pictures: Sequence[Image.Image], how: Image.Resampling, background: str | int) -> Image.Image:
    """The pictures one below the other, none wider than 480 pixels."""
    small = []
    for picture in pictures:
        width = min(_WIDTH, picture.width)
        small.append(picture.resize((width, max(1, round(picture.height * width / picture.width))), how))
    width, height = max(p.width for p in small), sum(p.height + _GAP for p in small) - _GAP
    stacked = Image.new(small[0].mode, (width, height), background)
    top = 0
    for picture in small:
        stacked.paste(picture, (0, top))
        top += picture.height + _GAP
    return stacked


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
