"""The make of a facade: material, storeys, windows, what is on the ground floor."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.picture.canvas import Colour

WALLS: dict[str, tuple[Colour, ...]] = {
    "brick": ((138, 84, 62), (158, 108, 80), (176, 146, 104), (116, 74, 60), (150, 118, 92), (190, 166, 122)),
    "plaster": ((226, 222, 210), (214, 196, 158), (232, 228, 222), (196, 178, 150), (222, 186, 156),
                (178, 190, 192), (208, 170, 120)),
    "stone": ((182, 172, 150), (156, 148, 134), (198, 188, 164), (136, 128, 116)),
    "concrete": ((158, 156, 152), (138, 138, 138), (176, 172, 166), (190, 188, 184)),
    "glass": ((92, 112, 124), (70, 84, 92), (120, 134, 142)),
}  # fmt: skip
FRAMES: tuple[Colour, ...] = ((236, 236, 232), (236, 236, 232), (70, 62, 56), (52, 54, 58), (96, 70, 48))
SHOP_COLOURS: tuple[Colour, ...] = (
    (28, 70, 52), (150, 28, 32), (28, 48, 112), (34, 34, 36), (226, 220, 206), (206, 140, 32),
    (96, 36, 70), (70, 130, 150),
)  # fmt: skip


@dataclass(frozen=True)
class Facade:
    """The look of a building's walls. Lengths in metres."""

    material: str
    wall: Colour
    trim: Colour
    frame: Colour
    floors: int
    floor_height: float
    ground_height: float
    window_width: float
    window_height: float
    spacing: float
    ground: str  # shop, door, garage or glass
    shop_colour: Colour
    band: bool
    balcony: bool
    panes: int
    seed: int
    lintels: bool

    @property
    def height(self) -> float:
        return self.ground_height + self.floors * self.floor_height + 0.5


def sample_facade(rng: np.random.Generator, style: str) -> Facade:
    """Draw a facade that suits a street's style."""
    weights = {
        "city": (0.27, 0.25, 0.2, 0.18, 0.1),
        "terrace": (0.6, 0.3, 0.1, 0.0, 0.0),
        "suburb": (0.5, 0.45, 0.05, 0.0, 0.0),
        "park": (0.4, 0.25, 0.2, 0.15, 0.0),
        "plaza": (0.2, 0.2, 0.1, 0.3, 0.2),
    }[style]
    material = str(rng.choice(list(WALLS), p=weights))
    base = np.array(WALLS[material][int(rng.integers(0, len(WALLS[material])))], np.float64)
    wall = tuple((base * rng.uniform(0.85, 1.1) + rng.normal(0, 5, 3)).tolist())
    floors = {"city": (2, 7), "terrace": (1, 3), "suburb": (1, 2), "park": (2, 5), "plaza": (0, 3)}[style]
    shop = {"city": 0.7, "terrace": 0.35, "suburb": 0.0, "park": 0.1, "plaza": 0.8}[style]
    house = style in ("terrace", "suburb")
    ground = "shop" if rng.random() < shop else ("garage" if style == "suburb" and rng.random() < 0.3 else "door")
    wide = material in ("concrete", "glass")
    floor_height = float(rng.uniform(2.6, 3.0) if house else rng.uniform(2.9, 3.7))
    return Facade(
        material=material,
        wall=wall,
        trim=tuple((np.array(wall) * rng.choice((0.72, 1.22))).tolist()),
        frame=FRAMES[int(rng.integers(0, len(FRAMES)))],
        floors=int(rng.integers(floors[0], floors[1] + 1)),
        floor_height=floor_height,
        ground_height=floor_height + (float(rng.uniform(0.4, 1.2)) if ground == "shop" else 0.0),
        window_width=float(rng.uniform(1.4, 2.4) if wide else rng.uniform(0.85, 1.4)),
        window_height=float(rng.uniform(1.3, 2.0) if wide else rng.uniform(1.25, 1.9)),
        spacing=float(rng.uniform(0.2, 0.8) if wide else rng.uniform(0.8, 2.0)),
        ground=ground,
        shop_colour=SHOP_COLOURS[int(rng.integers(0, len(SHOP_COLOURS)))],
        band=bool(rng.random() < 0.5),
        balcony=bool(style in ("city", "park") and rng.random() < 0.2),
        panes=int(rng.integers(1, 4)),
        seed=int(rng.integers(0, 2**31)),
        lintels=bool(material in ("brick", "stone") or rng.random() < 0.3),
    )
