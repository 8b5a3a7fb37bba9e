"""Traffic: parked, ahead, oncoming and crossing vehicles, cyclists."""

import numpy as np

from modelisation.scenes.paint import people, vehicles
from modelisation.scenes.paint.vehicle_shapes import CARS, LARGE, Shape, sample_paint
from modelisation.scenes.plan.draft import Draft
from modelisation.scenes.plan.street import Side

ACROSS = float(np.pi / 2)
BACK = float(np.pi)


def plan_parked(draft: Draft, side: Side) -> None:
    """A row of cars along the kerb."""
    rng, street = draft.rng, draft.street
    fill = float(rng.uniform(0.25, 0.95))
    s = float(rng.uniform(2.5, 9))
    while s < min(120.0, draft.street_end):
        shape = _pick(CARS, rng)
        free = not side.has_junction(s, 4.0) and not (street.crossing and abs(s - street.crossing) < 5)
        if free and rng.random() < fill:
            turn = 0.0 if side.sign == street.driving_side or rng.random() < 0.15 else BACK
            u = side.sign * (side.kerb - 1.05 + float(rng.normal(0, 0.08)))
            _place(draft, shape, u, s, street.heading(s) + turn + float(rng.normal(0, 0.02)))
        s += shape.length + float(rng.uniform(0.6, 2.2))


def plan_traffic(draft: Draft) -> None:
    """Everything that drives."""
    for lane in range(draft.street.lanes):
        for way in (-1, 1):
            _fill_lane(draft, lane, way)
    for _ in range(int(draft.rng.poisson(1.0))):
        _plan_cyclist(draft)
    for side in draft.street.sides:
        _plan_side_streets(draft, side)


def _fill_lane(draft: Draft, lane: int, way: int) -> None:
    rng, street = draft.rng, draft.street
    u = way * (lane + 0.5) * street.lane_width
    ahead = way == street.driving_side
    dense = float(rng.uniform(8, 60))
    s = float(rng.uniform(8, 30)) if ahead else float(rng.uniform(5, 30))
    while s < min(130.0, draft.street_end + 8):
        shape = _pick(LARGE if rng.random() < 0.1 else CARS, rng)
        s += shape.length / 2
        if rng.random() < 0.8:
            turn = 0.0 if ahead else BACK
            now = s + draft.moved(ahead)
            aside, askew = float(rng.normal(0, 0.2)), float(rng.normal(0, 0.03))
            _place(draft, shape, u + aside, now, street.heading(now) + turn + askew)
        s += shape.length / 2 + float(rng.exponential(dense)) + 2.5


def _plan_cyclist(draft: Draft) -> None:
    rng, street = draft.rng, draft.street
    side = street.sides[int(rng.integers(0, 2))]
    s = 6 + float(rng.exponential(16))
    at = street.to_world(side.sign * (side.kerb - (2.8 if side.parking else 0.8)), s)
    draft.ground.cast_shadow([(at[0] - 0.2, s - 0.8), (at[0] + 0.2, s + 0.8)], 1.5, draft.light)
    draft.ground.shade_contact(at, 0.35)
    draft.paint_later(s, people.paint_rider, at, draft.light, rng, end_on=bool(rng.random() < 0.8))


def _plan_side_streets(draft: Draft, side: Side) -> None:
    """A car waiting in a side street; cars in the bays of a square."""
    rng = draft.rng
    for a, b in side.junctions:
        if rng.random() < 0.5:
            u = side.sign * (side.kerb + float(rng.uniform(2.5, 14)))
            way = 1 if rng.random() < 0.5 else -1
            _place(draft, _pick(CARS, rng), u, (a + b) / 2 + way * (b - a) * 0.2, way * ACROSS)
    if side.style == "plaza" and side.garden > 10:
        for k in range(14):
            if rng.random() < 0.55:
                way = 1 if rng.random() < 0.5 else -1
                _place(draft, _pick(CARS, rng), side.sign * (side.back + 5.5), 5.4 + 2.6 * k, way * ACROSS)


def _place(draft: Draft, shape: Shape, u: float, s: float, heading: float) -> None:
    """Plan a vehicle, with its shadow and the dark beneath it."""
    x, _, z = draft.street.to_world(u, s)
    corners = vehicles.footprint(shape, x, z, heading)
    draft.ground.cast_shadow(corners, shape.height * 0.9, draft.light)
    draft.ground.shade([(cx, 0.0, cz) for cx, cz in corners], 230)
    near = min(cz for _, cz in corners)
    paint = sample_paint(draft.rng, shape)
    draft.paint_later(near + 0.1, vehicles.paint_vehicle, shape, x, z, heading, paint, draft.light, draft.rng)


def _pick(shapes: tuple[Shape, ...], rng: np.random.Generator) -> Shape:
    return shapes[int(rng.integers(0, len(shapes)))]
