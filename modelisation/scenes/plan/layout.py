"""Lay a street's surfaces, kerbs and road paint on the ground."""

import numpy as np

from modelisation.scenes.paint.ground import BRICKS, COBBLES, GRASS, PLAIN, SLABS, Ground, Surface
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.plan.street import FAR, Side, Street

OUTSIDE, ROAD, PATCH, PAVEMENT, KERB, KERB_FACE, VERGE, GUTTER, IRON = range(9)
KERB_HEIGHT = 0.12
BEHIND = -6.0  # metres behind the camera at which the ground starts


def lay_ground(camera: Camera, street: Street, rng: np.random.Generator) -> Ground:
    """Everything flat: road, side streets, pavements, kerbs, verges, gardens, and paint."""
    ground = Ground(camera, _surfaces(rng, street))
    far = 900.0
    for side in street.sides:
        inner, outer = sorted((0.0, side.sign * side.kerb))
        ground.lay(street.strip(inner, outer, BEHIND, FAR), ROAD)
        _lay_side(ground, street, side)
    _lay_wear(ground, street, rng)
    if street.end is not None:
        width = float(rng.uniform(7, 12))
        ground.lay(street.strip(-far, far, street.end, street.end + width), ROAD)
    _mark_road(ground, street, rng)
    return ground


def _surfaces(rng: np.random.Generator, street: Street) -> list[Surface]:
    tone = float(rng.uniform(70, 132))
    warm = float(rng.normal(0, 4))
    asphalt = (tone + warm, tone, tone - warm + 2)
    pale = float(rng.uniform(118, 185))
    red = rng.random() < 0.25
    paving = (pale, pale * 0.78, pale * 0.7) if red else (pale, pale * 0.98, pale * float(rng.uniform(0.88, 1.0)))
    grass = (float(rng.uniform(78, 118)), float(rng.uniform(100, 138)), float(rng.uniform(46, 68)))
    stones = rng.random() < 0.08
    pattern = int(rng.choice((SLABS, BRICKS, PLAIN), p=(0.45, 0.3, 0.25)))
    hard = any(side.style == "plaza" for side in street.sides) or rng.random() < 0.3
    outside = (
        Surface(label_ids.SIDEWALK, (pale * 0.95, pale * 0.93, pale * 0.9), SLABS)
        if hard
        else Surface(label_ids.TERRAIN, grass, GRASS, 0.12)
    )
    stone = float(rng.uniform(140, 195))
    return [
        outside,
        Surface(label_ids.ROAD, asphalt, COBBLES if stones else PLAIN, float(rng.uniform(0.05, 0.1))),
        Surface(label_ids.ROAD, (tone * 0.78, tone * 0.78, tone * 0.8), PLAIN, 0.06),
        Surface(label_ids.SIDEWALK, paving, pattern),
        Surface(label_ids.SIDEWALK, (stone, stone, stone * 0.97), PLAIN, 0.08),
        Surface(label_ids.SIDEWALK, (stone * 0.6, stone * 0.6, stone * 0.6), PLAIN, 0.08),
        Surface(label_ids.TERRAIN, grass, GRASS, 0.12),
        Surface(label_ids.ROAD, (tone * 0.85, tone * 0.85, tone * 0.86), PLAIN, 0.1),
        Surface(label_ids.ROAD, (52, 50, 48), PLAIN, 0.12),
    ]


def _pieces(side: Side) -> list[tuple[float, float]]:
    """Stretches of the side between its side streets."""
    cuts = [BEHIND, *(v for junction in sorted(side.junctions) for v in junction), FAR]
    return [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if b > a]


def _lay_side(ground: Ground, street: Street, side: Side) -> None:
    sign = side.sign
    for a, b in side.junctions:
        ground.lay(street.strip(sign * (side.kerb - 0.05), sign * 120, a, b), ROAD)
    for a, b in _pieces(side):
        if side.style == "plaza":
            ground.lay(street.strip(sign * side.back, sign * 140, a, b, 0.0), ROAD)
        ground.lay(street.strip(sign * side.kerb, sign * side.back, a, b, KERB_HEIGHT), PAVEMENT)
        if side.verge:
            ground.lay(street.strip(sign * (side.kerb + 0.15), sign * side.path, a, b, KERB_HEIGHT), VERGE)
        ground.lay(street.strip(sign * (side.kerb - 0.3), sign * side.kerb, a, b), GUTTER)
        face = street.strip(sign * side.kerb, sign * side.kerb, a, b)
        face[: len(face) // 2, 1] = KERB_HEIGHT
        ground.lay(face, KERB_FACE)
        ground.lay(street.strip(sign * side.kerb, sign * (side.kerb + 0.16), a, b, KERB_HEIGHT), KERB)
    for a, b in side.junctions:  # pavements along the side street, with their own kerbs
        for edge, way in ((a, -1), (b, 1)):
            s0, s1 = sorted((edge, edge + way * 2.2))
            ground.lay(street.strip(sign * side.back, sign * 110, s0, s1, KERB_HEIGHT), PAVEMENT)
            s0, s1 = sorted((edge, edge + way * 0.16))
            ground.lay(street.strip(sign * side.kerb, sign * 110, s0, s1, KERB_HEIGHT), KERB)


def _lay_wear(ground: Ground, street: Street, rng: np.random.Generator) -> None:
    """Patches of newer asphalt, trench lines and manhole covers."""
    left, right = -street.left.kerb + 0.4, street.right.kerb - 0.4
    for _ in range(int(rng.integers(0, 5))):
        u, s = float(rng.uniform(left, right)), float(rng.uniform(3, 45))
        long = rng.random() < 0.4
        width, length = (0.6, float(rng.uniform(8, 30))) if long else tuple(rng.uniform(0.8, 3.0, 2).tolist())
        ground.lay(street.strip(u, min(right, u + width), s, s + length), PATCH)
    for _ in range(int(rng.integers(0, 4))):
        u, s = float(rng.uniform(left, right)), float(rng.uniform(4, 30))
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        ground.lay([street.to_world(u + 0.33 * float(np.cos(a)), s + 0.33 * float(np.sin(a))) for a in angle], IRON)


def _mark_road(ground: Ground, street: Street, rng: np.random.Generator) -> None:
    if rng.random() < 0.1:
        return

    def dashes(u: float, dash: float, gap: float, width: float = 0.12, strength: int = 255) -> None:
        s = float(rng.uniform(-6, 0))
        while s < 110:
            near = street.crossing is not None and abs(s + dash / 2 - street.crossing) < 5
            if not near:
                ground.mark(street.strip(u - width / 2, u + width / 2, s, s + dash), strength)
            s += dash + gap

    dash, gap = float(rng.uniform(1.5, 4)), float(rng.uniform(2, 6))
    if rng.random() < 0.85:
        solid = rng.random() < 0.15
        dashes(0.0, 6.0 if solid else dash, 0.0 if solid else gap)
    for sign in (-1, 1):
        for lane in range(1, street.lanes):
            dashes(sign * lane * street.lane_width, dash, gap)
    for side in street.sides:
        kind = rng.random()
        edge = side.sign * (side.kerb - (2.1 if side.parking else 0.3))
        if side.parking and kind < 0.5:
            dashes(edge, 1.0, 1.0, 0.1)
        elif not side.parking and kind < 0.35:  # no parking: one or two yellow lines
            for k in range(int(rng.integers(1, 3))):
                dashes(edge - side.sign * 0.2 * k, 9.0, 0.0, 0.09, 127)
        elif kind < 0.6:
            dashes(edge, 9.0, 0.0, 0.12)
    _mark_crossing(ground, street, rng)
    _mark_signs(ground, street, rng)


def _mark_crossing(ground: Ground, street: Street, rng: np.random.Generator) -> None:
    if street.crossing is None:
        return
    left, right = -street.left.kerb + 0.3, street.right.kerb - 0.3
    s, depth = street.crossing, float(rng.uniform(2.2, 4))
    if rng.random() < 0.7:
        step = float(rng.uniform(0.9, 1.2))
        for k in range(int((right - left) / step)):
            u = left + k * step
            ground.mark(street.strip(u, u + 0.5 * step, s, s + depth), 240)
    own = (left, 0.0) if street.drive_left else (0.0, right)
    ground.mark(street.strip(*own, s - 1.6, s - 1.3), 240)


def _mark_signs(ground: Ground, street: Street, rng: np.random.Generator) -> None:
    """Arrows, a box junction, or parking bays."""
    own = -1 if street.drive_left else 1
    if rng.random() < 0.35:
        u = own * (int(rng.integers(0, street.lanes)) + 0.5) * street.lane_width
        s = float(rng.uniform(6, 25))
        ground.mark([street.to_world(u + du, s + ds) for du, ds in ((-0.1, 0), (0.1, 0), (0.1, 2.6), (-0.1, 2.6))])
        ground.mark([street.to_world(u + du, s + ds) for du, ds in ((-0.4, 2.6), (0.4, 2.6), (0.0, 4.2))])
    for side in street.sides:
        if side.style == "plaza" and side.garden > 10:
            for k in range(14):
                u0, u1 = side.sign * (side.back + 3), side.sign * (side.back + 8)
                ground.mark(street.strip(u0, u1, 4 + 2.6 * k, 4.12 + 2.6 * k), 230)
        if side.junctions and rng.random() < 0.8:  # give-way line of the side street
            a, b = side.junctions[0]
            u = side.sign * (side.kerb + 0.2)
            for k in range(int((b - a) / 1.2)):
                ground.mark(street.strip(u, u + 0.25, a + 1.2 * k, a + 1.2 * k + 0.7), 230)
    if street.lanes == 1 and rng.random() < 0.08:
        s = float(rng.uniform(7, 18))
        left, right = -street.left.kerb + 0.5, street.right.kerb - 0.5
        for k in range(-3, 4):
            u = k * 1.7
            for slope in (-1, 1):
                ends = ((u - 0.08, s), (u + 0.08, s), (u + slope * 5 + 0.08, s + 7), (u + slope * 5 - 0.08, s + 7))
                ground.mark([street.to_world(float(np.clip(p, left, right)), q) for p, q in ends], 127)
