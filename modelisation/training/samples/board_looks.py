"""How the boards of a building site look: a flat strip of panels with posters, stripes, planks, posts and gaps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from modelisation.scenes.paint.shopfronts import word_mask

Colour = tuple[int, int, int]
Strip = npt.NDArray[np.float32]
Picture = Callable[[], npt.NDArray[np.uint8] | None]
PIXELS_A_METRE = 40
_WHITE: Colour = (236, 236, 232)
_COLOURS: tuple[Colour, ...] = (
    (204, 208, 212), (150, 154, 156), (84, 88, 92), (36, 66, 132), (62, 112, 178), (120, 170, 210), (36, 88, 66),
    (92, 140, 96), (172, 134, 88), (206, 176, 128), (160, 40, 38), (226, 120, 44), (224, 192, 60), (44, 44, 50),
)  # fmt: skip
_PRINTS = ("picture", "picture", "lettering", "lettering", "shapes")


@dataclass(frozen=True)
class Look:
    """How all panels of one site look; lengths in metres.

    Attributes:
        height: of the panels.
        panel: width of one.
        colours: of every first and every second panel.
        surface: `plain`, `planks`, `metal` (upright folds) or `stripes` (red and white, of low barriers).
        prints: share of the panels that carry a poster, lettering or a logo.
        margin: of a panel that its print leaves free, as a share of the panel.
        seam: width of the line between two panels.
        seam_light: its brightness over the panel's.
        post: width of the post between two panels; 0 for none.
        gap: open space between two panels; 0 for none.
        lift: open space under the panels; 0 for none.
        band: height of a band along the upper edge; 0 for none.
        dirt: how much darker the lower edge is, 0..1.
    """

    height: float
    panel: float
    colours: tuple[Colour, Colour]
    surface: str
    prints: float
    margin: float
    seam: float
    seam_light: float
    post: float
    gap: float
    lift: float
    band: float
    dirt: float


def draw_look(rng: np.random.Generator) -> Look:
    """Draw how a site looks: high hoardings mostly, low barriers sometimes."""
    low = rng.random() < 0.2
    first, second = (_COLOURS[int(i)] for i in rng.choice(len(_COLOURS), 2, replace=False))
    if rng.random() < 0.45:
        first = _WHITE
    surface = str(rng.choice(("plain", "stripes") if low else ("plain", "plain", "plain", "planks", "metal")))
    return Look(
        height=float(rng.uniform(0.8, 1.2) if low else rng.uniform(1.8, 3.2)),
        panel=float(rng.uniform(1.0, 2.4) if low else rng.uniform(1.1, 4.0)),
        colours=(first, second if rng.random() < 0.4 else first),
        surface=surface,
        prints=0.0 if low else float(rng.choice((0.0, 0.3, 0.8, 1.0))),
        margin=float(rng.choice((0.0, 0.06, 0.15))),
        seam=float(rng.uniform(0.02, 0.07)),
        seam_light=float(rng.choice((0.45, 0.7, 1.25))),
        post=float(rng.uniform(0.06, 0.14)) if rng.random() < 0.3 else 0.0,
        gap=float(rng.uniform(0.1, 0.5)) if rng.random() < (0.6 if low else 0.1) else 0.0,
        lift=float(rng.uniform(0.08, 0.25)) if rng.random() < (0.5 if low else 0.1) else 0.0,
        band=float(rng.uniform(0.15, 0.4)) if rng.random() < 0.25 else 0.0,
        dirt=float(rng.uniform(0.0, 0.35)),
    )


def draw_strip(look: Look, length: float, rng: np.random.Generator, picture: Picture) -> Strip:
    """Draw the boards from the front.

    Args:
        look: of the site.
        length: metres of boards.
        rng: decides what each panel shows.
        picture: gives an RGB picture, uint8 [h, w, 3], for a poster, or None where there is none.

    Returns:
        float32 [height, length, 4], `PIXELS_A_METRE` a metre, the first row on top: the colours in full light, 0..1,
        and how opaque a pixel is, 0 or 1.
    """
    high, wide = (max(2, round(metres * PIXELS_A_METRE)) for metres in (look.height, length))
    sheet = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    pitch = look.panel + look.gap
    for number in range(int(length // pitch) + 1):
        left, right = (round(metres * PIXELS_A_METRE) for metres in (number * pitch, number * pitch + look.panel))
        panel = _draw_panel(look, look.colours[number % 2], right - left, high, rng, picture)
        sheet.paste(panel, (left, 0))
        if look.post:
            half = max(1, round(look.post * PIXELS_A_METRE / 2))
            pen.rectangle((left - half, 0, left + half, high), fill=(96, 98, 100, 255))
    strip = np.array(sheet, np.float32)
    strip /= 255
    # Unevenness, dirt and rain marks: a large flat area in one colour is what no camera sees.
    coarse = rng.normal(0, 0.05, (4, max(2, wide // 24))).astype(np.float32)
    stains = ndimage.zoom(coarse, (high / coarse.shape[0], wide / coarse.shape[1]), order=1)
    down = np.linspace(0, 1, high, dtype=np.float32)[:, None] ** 4
    strip[..., :3] *= np.clip(1 + stains - look.dirt * down, 0, None)[..., None]
    return strip


def _draw_panel(
    look: Look, colour: Colour, wide: int, high: int, rng: np.random.Generator, picture: Picture
) -> Image.Image:
    """One panel as RGBA, clear where one sees under it."""
    tint = rng.uniform(0.94, 1.04)
    panel = Image.new("RGBA", (wide, high), _shade(colour, tint))
    pen = ImageDraw.Draw(panel)
    if look.surface == "stripes":
        step, slant = max(4, round(0.2 * PIXELS_A_METRE)), int(rng.integers(0, 2)) * high
        for x in range(-high, wide + high, 2 * step):
            pen.polygon([(x, high), (x + step, high), (x + step + slant, 0), (x + slant, 0)], (196, 38, 36, 255))
    elif look.surface == "planks":
        step = max(3, round(float(rng.uniform(0.12, 0.25)) * PIXELS_A_METRE))
        for x in range(0, wide, step):
            pen.rectangle((x, 0, x + step, high), _shade(colour, float(rng.uniform(0.75, 1.05))))
            pen.line((x, 0, x, high), _shade(colour, 0.5))
    elif look.surface == "metal":
        for x in range(0, wide, 6):
            pen.rectangle((x, 0, x + 2, high), _shade(colour, 0.8))
    if rng.random() < look.prints:
        _draw_print(panel, look.margin, rng, picture)
    if look.band:
        pen.rectangle((0, 0, wide, round(look.band * PIXELS_A_METRE)), _shade(look.colours[1], 0.9))
    pen.rectangle((0, 0, max(0, round(look.seam * PIXELS_A_METRE) - 1), high), _shade(colour, look.seam_light))
    if look.lift:
        foot, lift = round(0.1 * PIXELS_A_METRE), round(look.lift * PIXELS_A_METRE)
        pen.rectangle((foot, high - lift, wide - foot, high), (0, 0, 0, 0))
    return panel


def _draw_print(panel: Image.Image, margin: float, rng: np.random.Generator, picture: Picture) -> None:
    """What hangs on a panel: a picture, lettering on paper, or large shapes as firms have for a sign."""
    (wide, high), pen = panel.size, ImageDraw.Draw(panel)
    left, right = round(margin * wide), round((1 - margin) * wide)
    top, bottom = round(margin * high), round(float(rng.uniform(0.6, 1 - margin)) * high)
    if right - left < 4 or bottom - top < 4:
        return
    kind = str(rng.choice(_PRINTS))
    shown = picture() if kind == "picture" else None
    if shown is not None:
        panel.paste(Image.fromarray(shown).resize((right - left, bottom - top)), (left, top))
        return
    paper = _draw_colour(rng) if rng.random() < 0.6 else _WHITE
    pen.rectangle((left, top, right, bottom), (*paper, 255))
    ink = (240, 240, 236, 255) if sum(paper) < 400 else _shade(_draw_colour(rng), 0.4)
    if kind == "shapes":
        for _ in range(int(rng.integers(1, 5))):
            x, y = rng.uniform(left, right), rng.uniform(top, bottom)
            a, b = rng.uniform(0.1, 0.5) * (right - left), rng.uniform(0.1, 0.4) * (bottom - top)
            draw = pen.ellipse if rng.random() < 0.5 else pen.rectangle
            draw((x - a, y - b, x + a, y + b), fill=_draw_colour(rng))
    word = word_mask(int(rng.integers(0, 60))).resize(
        (max(2, round(0.8 * (right - left))), max(2, (bottom - top) // 5))
    )
    panel.paste(ink, (left + (right - left) // 10, top + (bottom - top) // 10), word)
    for y in range(top + round(0.4 * (bottom - top)), bottom - 4, 5):
        end = left + round(float(rng.uniform(0.4, 0.9)) * (right - left))
        pen.line((left + (right - left) // 10, y, max(end, left + 1), y), ink, 2)


def _draw_colour(rng: np.random.Generator) -> Colour:
    """A colour of printed paper: seldom a pure one."""
    pure = rng.uniform(10, 245, 3)
    red, green, blue = (int(v) for v in pure.mean() + rng.uniform(0.2, 1) * (pure - pure.mean()))
    return red, green, blue


def _shade(colour: Colour, light: float) -> tuple[int, int, int, int]:
    red, green, blue = (min(255, round(v * light)) for v in colour)
    return red, green, blue, 255
