"""Traffic: parked, ahead, oncoming and crossing vehicles, cyclists."""

import numpy as np

from modelisation.scenes.paint import people, vehicles
from modelisation.scenes.paint.vehicle_shapes import CARS, LARGE, Shape, sample_paint
from modelisation.scenes.plan.stage import Stage
from modelisation.scenes.plan.street import Side

ACROSS = float(np.pi / 2)
BACK = float(np.pi)


def plan_parked(stage: Stage, side: Side) -> None:
    """A row of cars along the kerb."""
    rng, street = stage.rng, stage.street
    fill = float(rng.uniform(0.25, 0.95))
    s = float(rng.uniform(2.5, 9))
    while s < min(120.0, stage.end):
        shape = _one_of(CARS, rng)
        free = not side.open_at(s, 4.0) and not (street.crossing and abs(s - street.crossing) < 5)
        if free and rng.random() < fill:
            turn = 0.0 if side.sign == street.own or rng.random() < 0.15 else BACK
            u = side.sign * (side.kerb - 1.05 + float(rng.normal(0, 0.08)))
            _place(stage, shape, u, s, street.heading(s) + turn + float(rng.normal(0, 0.02)))
        s += shape.length + float(rng.uniform(0.6, 2.2))


def plan_traffic(stage: Stage) -> None:
    """Everything that drives."""
    for lane in range(stage.street.lanes):
        for way in (-1, 1):
            _fill_lane(stage, lane, way)
    for _ in range(int(stage.rng.poisson(1.0))):
        _plan_cyclist(stage)
    for side in stage.street.sides:
        _plan_side_streets(stage, side)


def _fill_lane(stage: Stage, lane: int, way: int) -> None:
    rng, street = stage.rng, stage.street
    u = way * (lane + 0.5) * street.lane_width
    ahead = way == street.own
    dense = float(rng.uniform(8, 60))
    s = float(rng.uniform(8, 30)) if ahead else float(rng.uniform(5, 30))
    while s < min(130.0, stage.end + 8):
        shape = _one_of(LARGE if rng.random() < 0.1 else CARS, rng)
        s += shape.length / 2
        if rng.random() < 0.8:
            turn = 0.0 if ahead else BACK
            _place(
                stage, shape, u + float(rng.normal(0, 0.2)), s, street.heading(s) + turn + float(rng.normal(0, 0.03))
            )
        s += shape.length / 2 + float(rng.exponential(dense)) + 2.5


def _plan_cyclist(stage: Stage) -> None:
    rng, street = stage.rng, stage.street
    side = street.sides[int(rng.integers(0, 2))]
    s = 6 + float(rng.exponential(16))
    at = street.at(side.sign * (side.kerb - (2.8 if side.parking else 0.8)), s)
    stage.ground.cast([(at[0] - 0.2, s - 0.8), (at[0] + 0.2, s + 0.8)], 1.5, stage.light)
    stage.ground.foot(at, 0.35)
    stage.queue(s, people.paint_rider, at, stage.light, rng, end_on=bool(rng.random() < 0.8))


def _plan_side_streets(stage: Stage, side: Side) -> None:
    """A car waiting in a side street; cars in the bays of a square."""
    rng = stage.rng
    for a, b in side.junctions:
        if rng.random() < 0.5:
            u = side.sign * (side.kerb + float(rng.uniform(2.5, 14)))
            way = 1 if rng.random() < 0.5 else -1
            _place(stage, _one_of(CARS, rng), u, (a + b) / 2 + way * (b - a) * 0.2, way * ACROSS)
    if side.style == "plaza" and side.garden > 10:
        for k in range(14):
            if rng.random() < 0.55:
                way = 1 if rng.random() < 0.5 else -1
                _place(stage, _one_of(CARS, rng), side.sign * (side.back + 5.5), 5.4 + 2.6 * k, way * ACROSS)


def _place(stage: Stage, shape: Shape, u: float, s: float, heading: float) -> None:
    """Queue a vehicle, with its shadow and the dark beneath it."""
    x, _, z = stage.street.at(u, s)
    corners = vehicles.footprint(shape, x, z, heading)
    stage.ground.cast(corners, shape.height * 0.9, stage.light)
    stage.ground.shade([(cx, 0.0, cz) for cx, cz in corners], 230)
    near = min(cz for _, cz in corners)
    paint = sample_paint(stage.rng, shape)
    stage.queue(near + 0.1, vehicles.paint_vehicle, shape, x, z, heading, paint, stage.light, stage.rng)


def _one_of(shapes: tuple[Shape, ...], rng: np.random.Generator) -> Shape:
    return shapes[int(rng.integers(0, len(shapes)))]
