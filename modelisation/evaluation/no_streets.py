"""Pictures that show no street, made here: what a network that knows streets should find strange."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

COUNT = 12  # of each kind
_HEIGHT, _WIDTH = 360, 480
_SEED = 0
_WORDS = ("page", "of", "text", "has", "many", "small", "marks", "in", "rows", "and", "neither", "road", "nor", "sky")


def made_pictures() -> Iterator[tuple[str, Iterator[Pixels]]]:
    """By kind, pictures uint8 [360, 480, 3], the same ones every time."""
    yield "noise", _noise()
    yield "plain colours", _plain()
    yield "pages of text", _pages()


def _noise() -> Iterator[Pixels]:
    """Coloured noise, from single pixels to blots of a quarter of the picture."""
    rng = np.random.default_rng(_SEED)
    for number in range(COUNT):
        grain = 2 ** (number % 7)
        small = rng.integers(0, 256, (-(-_HEIGHT // grain) + 1, -(-_WIDTH // grain) + 1, 3), np.uint8)
        yield np.asarray(Image.fromarray(small).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC))


def _plain() -> Iterator[Pixels]:
    """One colour that turns into another from side to side or from top to bottom, or does not."""
    rng = np.random.default_rng(_SEED)
    for number in range(COUNT):
        first, last = rng.integers(0, 256, (2, 3)).astype(np.float64)
        if number % 3 == 0:
            last = first
        step = np.linspace(0, 1, _WIDTH)[None, :, None] if number % 2 else np.linspace(0, 1, _HEIGHT)[:, None, None]
        yield np.broadcast_to(first + (last - first) * step, (_HEIGHT, _WIDTH, 3)).round().astype(np.uint8)


def _pages() -> Iterator[Pixels]:
    """Dark words in rows on light paper, large and small."""
    rng = np.random.default_rng(_SEED)
    for number in range(COUNT):
        page = Image.new("RGB", (_WIDTH, _HEIGHT), tuple(rng.integers(215, 256, 3).tolist()))
        draw, size = ImageDraw.Draw(page), 9 + 2 * number
        font = ImageFont.load_default(size)
        for top in range(12, _HEIGHT, size + 5):
            draw.text((16, top), " ".join(rng.choice(_WORDS, 120 // (size // 8))), (30, 30, 35), font=font)
        yield np.asarray(page)
