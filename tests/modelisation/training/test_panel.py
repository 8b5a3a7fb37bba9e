"""The pictures that a run keeps of its validation split."""

import io

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import STREET8
from modelisation.data.base import Sample
from modelisation.training.panel import Panel


class Kept:
    """In place of the tracker: what was logged, by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def log_bytes(self, data: bytes, name: str) -> None:
        self.files[name] = data

    def picture(self, name: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.files[f"panel/{name}"])).convert("RGB"))


def _sample(height: int, width: int, label: int) -> Sample:
    image = np.full((height, width, 3), 90, np.uint8)
    return Sample(image, np.full((height, width), label, np.uint8), f"{height}x{width}")


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Panel, "predictions", lambda self, model: [s.label * 0 + 1 for s in self.samples])


def test_labels_have_the_classes_colours_and_what_is_ignored_is_white() -> None:
    kept = Kept()
    Panel([_sample(40, 60, 0), _sample(30, 50, 255)], None, STREET8, 3).log_start(kept)
    truth = kept.picture("truth.png")
    assert truth.shape == (40 + 6 + 30, 60, 3)
    assert tuple(truth[0, 0]) == STREET8.classes[0].color
    assert (truth[40:] == 255).all()
    assert kept.picture("photos.jpg").shape == truth.shape


def test_large_photos_are_made_small_and_four_spread_over_the_split_are_shown() -> None:
    samples = [_sample(100, 960, k % 8) for k in range(11)]
    panel = Panel(samples, None, STREET8, 3)
    assert panel.samples == [samples[k] for k in (0, 2, 4, 6)]
    kept = Kept()
    panel.log_start(kept)
    assert kept.picture("photos.jpg").shape == (4 * 50 + 3 * 6, 480, 3)


@pytest.mark.usefixtures("predicted")
def test_a_short_run_keeps_every_epoch_and_a_long_one_some_with_the_first_and_the_last() -> None:
    for epochs, expected in ((3, 3), (40, 40), (101, 35)):
        kept = Kept()
        panel = Panel([_sample(8, 8, 0)], None, STREET8, epochs)
        for epoch in range(1, epochs + 1):
            panel.log_epoch(kept, epoch, None)
        names = sorted(kept.files)
        assert len(names) == expected
        assert names[0] == "panel/epoch-00001.png"
        assert names[-1] == f"panel/epoch-{epochs:05d}.png"
    assert tuple(kept.picture("epoch-00001.png")[0, 0]) == STREET8.classes[1].color
