"""Draw a facade on a wall's sheet: its storeys of windows, bands, cornice and balconies."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.paint.facade_style import Facade
from modelisation.scenes.paint.walls import Sheet
from modelisation.scenes.picture.canvas import Colour
from modelisation.scenes.picture.light import Light

COURSES = {"brick": 0.11, "stone": 0.38}  # height of a row, metres


@dataclass
class Wall:
    """One wall being drawn; `length` in metres, `own` the building's random numbers."""

    sheet: Sheet
    facade: Facade
    light: Light
    normal: tuple[float, float, float]
    length: float
    own: np.random.Generator

    def shade(self, colour: Colour, factor: float = 1.0) -> Colour:
        """A colour as the wall's light shows it."""
        r, g, b = self.light.shade(colour, self.normal)
        return r * factor, g * factor, b * factor

    def glass(self, up: float) -> Colour:
        """A pane: a dark room or the sky's mirror, lit rooms after dusk. `up` is 0 at the foot, 1 high up."""
        if self.light.lamps and self.own.random() < 0.3:
            glow = float(self.own.uniform(0.6, 1.0))
            return 244 * glow, 200 * glow, 130 * glow
        mirror = float(self.own.uniform(0.05, 0.35)) + 0.25 * up
        dark = float(self.own.uniform(16, 46)) * (0.4 + 0.8 * self.light.ambient[0])
        r, g, b = ((dark + 3 * k) * (1 - mirror) + 0.8 * c * mirror for k, c in enumerate(self.light.horizon))
        return r, g, b


def paint_walls(wall: Wall, rng: np.random.Generator) -> None:
    """The bare wall with its bands, cornice and plinth."""
    sheet, facade, length = wall.sheet, wall.facade, wall.length
    sheet.fill(wall.shade(facade.wall), rng, 0.05, COURSES.get(facade.material, 0.0))
    if facade.band:
        for k in range(facade.floors + 1):
            y = facade.ground_height + k * facade.floor_height
            sheet.rect(0, y - 0.1, length, y + 0.08, wall.shade(facade.trim))
    top = facade.height
    sheet.rect(0, top - 0.35, length, top, wall.shade(facade.trim, 1.05))
    sheet.rect(0, top - 0.45, length, top - 0.35, wall.shade(facade.trim, 0.55))
    sheet.rect(0, 0, length, 0.35, wall.shade(facade.wall, 0.62))


def paint_storeys(wall: Wall) -> None:
    """The windows above the ground floor."""
    facade, sheet = wall.facade, wall.sheet
    pitch = facade.window_width + facade.spacing
    count = max(1, int((wall.length - 0.6) / pitch))
    start = (wall.length - count * pitch + facade.spacing) / 2
    tints = _tints(wall)
    for floor in range(facade.floors):
        low = facade.ground_height + floor * facade.floor_height + 0.8
        if low > sheet.top + 0.5:
            break
        high = min(low + facade.window_height, low + facade.floor_height - 1.0)
        for k in range(count):
            x = start + k * pitch
            if sheet.left - 1 < x + facade.window_width and x < sheet.right + 1:
                _window(
                    wall, tints, x, low, high, floor / max(1, facade.floors), balcony=facade.balcony and k % 2 == 0
                )


def _tints(wall: Wall) -> dict[str, Colour]:
    """The colours that every window of a wall shares."""
    facade = wall.facade
    return {
        "frame": wall.shade(facade.frame),
        "sill": wall.shade(facade.trim, 1.1),
        "under": wall.shade(facade.wall, 0.6),
        "lintel": wall.shade(facade.trim),
        "rail": wall.shade((50, 50, 54)),
    }


def _window(
    wall: Wall, tints: dict[str, Colour], x0: float, y0: float, y1: float, up: float, *, balcony: bool
) -> None:
    sheet, facade = wall.sheet, wall.facade
    x1 = x0 + facade.window_width
    glass = wall.glass(up)
    wide, frame = facade.window_width * sheet.sx, tints["frame"]
    if wide < 11:  # too far away for more
        if wide > 5:
            sheet.rect(x0 - 0.1, y0 - 0.16, x1 + 0.1, y1 + 0.1, frame)
        sheet.rect(x0, y0, x1, y1, glass)
        return
    if facade.lintels:
        sheet.rect(x0 - 0.12, y1 + 0.05, x1 + 0.12, y1 + 0.27, tints["lintel"])
    sheet.rect(x0 - 0.07, y0 - 0.07, x1 + 0.07, y1 + 0.07, frame)
    sheet.rect(x0, y0, x1, y1, glass)
    sheet.rect(x0, y1 - 0.14, x1, y1, (glass[0] * 0.55, glass[1] * 0.55, glass[2] * 0.55))  # the reveal's shade
    veil = 60 * wall.light.ambient[0]
    behind = (0.55 * glass[0] + veil, 0.55 * glass[1] + veil, 0.55 * glass[2] + veil)
    curtain = wall.own.random()
    if curtain < 0.3:
        part = 0.25 * (x1 - x0)
        sheet.rect(x0, y0, x0 + part, y1, behind)
        sheet.rect(x1 - part, y0, x1, y1, behind)
    elif curtain < 0.45:  # a blind
        sheet.rect(x0, y0 + 0.6, x1, y1, behind)
    for p in range(1, facade.panes + 1):
        x = x0 + (x1 - x0) * p / (facade.panes + 1)
        sheet.rect(x - 0.03, y0, x + 0.03, y1, frame)
    if facade.panes != 2:
        middle = (y0 + y1) / 2
        sheet.rect(x0, middle - 0.03, x1, middle + 0.03, frame)
    sheet.rect(x0 - 0.15, y0 - 0.2, x1 + 0.15, y0 - 0.07, tints["sill"])
    sheet.rect(x0 - 0.15, y0 - 0.27, x1 + 0.15, y0 - 0.2, tints["under"])
    if balcony:
        sheet.rect(x0 - 0.3, y0 - 0.75, x1 + 0.3, y0 - 0.6, tints["under"])
        for bar in np.arange(x0 - 0.3, x1 + 0.3, 0.16).tolist():
            sheet.rect(bar, y0 - 0.6, bar + 0.04, y0 + 0.3, tints["rail"])
        sheet.rect(x0 - 0.3, y0 + 0.26, x1 + 0.3, y0 + 0.33, tints["rail"])
