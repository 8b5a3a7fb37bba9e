"""Draw a building's ground floor: shops, or a front door with windows and perhaps a garage."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from modelisation.scenes.paint.facade_style import SHOP_COLOURS
from modelisation.scenes.paint.facades import Wall
from modelisation.scenes.picture.canvas import Colour


def paint_ground_floor(wall: Wall) -> None:
    """The ground floor of a front wall."""
    facade, sheet, own = wall.facade, wall.sheet, wall.own
    if facade.ground == "shop":
        x, end = 0.3, wall.length - 0.3
        while x < end - 2.2:
            width = float(own.uniform(4, 8))
            width = end - x if end - x - width < 4 else width
            other = SHOP_COLOURS[int(own.integers(0, len(SHOP_COLOURS)))]
            _shop(wall, x, x + width, facade.shop_colour if own.random() < 0.5 else other)
            x += width
        return
    door = float(own.uniform(0.5, max(0.6, wall.length - 2.0)))
    x, wide = 0.7, facade.window_width
    frame, sill = wall.shade(facade.frame), wall.shade(facade.trim)
    while x < wall.length - 1.0:
        if abs(x + wide / 2 - door - 0.5) > 1.3:
            sheet.rect(x - 0.07, 0.85, x + wide + 0.07, 0.98 + facade.window_height, frame)
            sheet.rect(x, 0.92, x + wide, 0.9 + facade.window_height, wall.glass(0.0))
            sheet.rect(x + wide / 2 - 0.03, 0.92, x + wide / 2 + 0.03, 0.9 + facade.window_height, frame)
            sheet.rect(x - 0.12, 0.74, x + wide + 0.12, 0.86, sill)
        x += wide + facade.spacing + 0.4
    if facade.ground == "garage" and wall.length > 6:
        g = wall.length - 3.2
        sheet.rect(g - 0.1, 0, g + 2.6, 2.35, sill)
        sheet.rect(g, 0, g + 2.5, 2.2, wall.shade((200, 200, 196)))
        for y in np.arange(0.25, 2.2, 0.32).tolist():
            sheet.rect(g, y, g + 2.5, y + 0.03, wall.shade((150, 150, 148)))
    sheet.rect(door - 0.14, 0, door + 1.14, 2.5, wall.shade(facade.trim, 1.1))
    sheet.rect(door, 0.12, door + 1.0, 2.1, wall.shade(facade.shop_colour))
    sheet.rect(door + 0.15, 1.2, door + 0.85, 1.9, wall.shade(facade.shop_colour, 0.75))
    sheet.rect(door, 2.12, door + 1.0, 2.38, wall.glass(0.0))


def _shop(wall: Wall, x0: float, x1: float, colour: Colour) -> None:
    sheet, own = wall.sheet, wall.own
    top = wall.facade.ground_height - 0.25
    board = top - min(0.85, wall.facade.ground_height - 2.5)  # foot of the name board
    sheet.rect(x0, 0, x1, top, wall.shade(colour, 0.85))
    glow = 1.7 if wall.light.lamps else 1.0
    panes = max(2, int((x1 - x0) / 1.9))
    door, pitch = int(own.integers(0, panes)), (x1 - x0 - 0.3) / panes
    for k in range(panes):
        _show_window(wall, x0 + 0.2 + k * pitch, pitch - 0.12, 0.1 if k == door else 0.55, board - 0.08, glow)
    sheet.rect(x0, board, x1, top, wall.shade(colour, 1.15))
    sheet.rect(x0, board - 0.06, x1, board, wall.shade(colour, 0.5))
    letters: Colour = (240, 236, 220) if sum(colour) < 420 else (40, 40, 44)
    half = (x1 - x0) * float(own.uniform(0.2, 0.4))
    middle, rim = (x0 + x1) / 2, 0.15 * (top - board)
    word = word_mask(int(own.integers(0, 40)))
    sheet.stamp(word, middle - half, board + rim, middle + half, top - rim, wall.shade(letters, glow))
    if own.random() < 0.25:  # an awning
        stripe = wall.shade(SHOP_COLOURS[int(own.integers(0, len(SHOP_COLOURS)))])
        pale = wall.shade((230, 228, 220))
        for k, a in enumerate(np.arange(x0, x1, 0.4).tolist()):
            sheet.rect(a, board - 0.75, min(x1, a + 0.4), board, stripe if k % 2 else pale)


def _show_window(wall: Wall, x: float, wide: float, low: float, high: float, glow: float) -> None:
    """A pane with goods, posters and reflections behind it."""
    sheet, own = wall.sheet, wall.own
    inside = float(own.uniform(0.5, 1.1)) * glow * (0.45 + wall.light.ambient[0])
    sheet.rect(x, low, x + wide, high, (46 * inside, 49 * inside, 52 * inside))
    if wide * sheet.sx < 8:
        return
    for _ in range(4):
        gx, gy = x + float(own.uniform(0, wide * 0.8)), low + float(own.uniform(0, 1.2))
        gw, gh = float(own.uniform(0.15, 0.6)), float(own.uniform(0.2, 0.7))
        item = own.uniform(30, 190, 3) * 0.55 * inside
        sheet.rect(gx, gy, min(x + wide, gx + gw), gy + gh, item.tolist())
    shine = [v * 0.3 + 34 * inside for v in wall.light.horizon]
    sheet.rect(x, high - 0.35, x + wide, high, [0.5 * v for v in shine])


@cache
def word_mask(index: int) -> Image.Image:
    """A shop's name as an "L" mask; made of syllables, so that it is nobody's."""
    rng = np.random.default_rng(900 + index)
    parts = ("ba", "ke", "li", "mo", "na", "ro", "ta", "vi", "so", "den", "mar", "pel")
    text = "".join(parts[int(i)] for i in rng.integers(0, len(parts), int(rng.integers(2, 5))))
    text = text.upper() if rng.random() < 0.5 else text.capitalize()
    font = ImageFont.load_default(22)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=font)
    return mask
