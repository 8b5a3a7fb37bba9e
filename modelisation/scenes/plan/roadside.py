"""What stands along a street: trees, lamps, signs, people."""

import numpy as np

from modelisation.scenes.paint import fences, furniture, people, plants
from modelisation.scenes.plan.draft import Draft
from modelisation.scenes.plan.layout import KERB_HEIGHT
from modelisation.scenes.plan.street import Side

TREE_ROWS = {"city": 0.3, "terrace": 0.25, "suburb": 0.5, "park": 0.8, "plaza": 0.4}  # how often there is one
GARDEN_TREES = {"city": 0, "terrace": 2, "suburb": 9, "park": 20, "plaza": 5}
BUSY = {"city": 9, "terrace": 4, "suburb": 2, "park": 4, "plaza": 6}  # people on a pavement


def plan_greenery(draft: Draft, side: Side) -> None:
    """Street trees in a row, garden and park trees, shrubs."""
    rng, street, light = draft.rng, draft.street, draft.light
    bare = rng.random() < 0.35
    leaf = plants.sample_leaf(rng)
    spots: list[tuple[float, float, float]] = []  # u, s, height
    if rng.random() < TREE_ROWS[side.style]:
        u = side.kerb + (side.verge / 2 if side.verge else 0.7)
        tall = float(rng.uniform(5, 12))
        row = np.arange(float(rng.uniform(4, 14)), 110, float(rng.uniform(7, 16))).tolist()
        spots += [(u, s, tall * float(rng.uniform(0.8, 1.2))) for s in row]
    if side.garden > 2:
        for _ in range(GARDEN_TREES[side.style]):
            u = float(rng.uniform(side.back + 1, side.frontage - 0.5))
            spots.append((u, float(rng.uniform(4, 120)), float(rng.uniform(3, 13))))
    for u, s, tall in spots:
        if side.has_junction(s, 2.0) or s > draft.street_end:
            continue
        at = street.to_world(side.sign * u, s, KERB_HEIGHT if u < side.back else 0.0)
        _shade_tree(draft, at, tall)
        colour = None if bare else plants.vary(leaf, rng)
        behind = 3.5 + 0.15 * s if u > side.back else 0.0  # before the pieces of fence that stand in front of it
        draft.paint_later(s + behind, plants.paint_tree, at, tall, colour, light, rng)
    if side.garden > 2 and side.style != "plaza":
        for _ in range(int(rng.integers(0, 14))):
            u, s = float(rng.uniform(side.back + 0.8, side.frontage - 0.3)), float(rng.uniform(3, 90))
            if not side.has_junction(s, 2.0) and s < draft.street_end:
                size = float(rng.uniform(0.7, 2.2))
                at = street.to_world(side.sign * u, s)
                draft.paint_later(s + 3.5 + 0.15 * s, plants.paint_bush, at, 1.4 * size, size, leaf, light, rng)


def _shade_tree(draft: Draft, at: tuple[float, float, float], tall: float) -> None:
    """A tree's shadow: blots of shade, and the stem's."""
    rng, light = draft.rng, draft.light
    if not light.casts_shadows or at[2] > 80:
        return
    dx, dz = light.shadow_shift
    angle = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    ring = np.stack((np.cos(angle), np.zeros(9), np.sin(angle)), axis=1)
    for _ in range(8):
        h = tall * float(rng.uniform(0.5, 0.95))
        spread = rng.normal(0, tall * 0.14, 2)
        centre = (at[0] + dx * h + spread[0], 0.0, at[2] + dz * h + spread[1])
        draft.ground.shade(ring * tall * float(rng.uniform(0.08, 0.2)) + centre, 215)
    draft.ground.cast_shadow([(at[0] - 0.03 * tall, at[2]), (at[0] + 0.03 * tall, at[2])], tall * 0.6, light)


def plan_furniture(draft: Draft, side: Side) -> None:
    """Lamp posts, signs, signals, bollards, bins, rails."""
    rng, street, light = draft.rng, draft.street, draft.light

    def put(s: float, out: float, height: float, paint: object, *args: object) -> None:
        """Stand something `out` metres from the kerb, with its shadow."""
        if side.has_junction(s, 0.5):
            return
        at = street.to_world(side.sign * (side.kerb + out), s, KERB_HEIGHT)
        draft.ground.cast_shadow([(at[0] - 0.07, at[2]), (at[0] + 0.07, at[2])], height, light)
        draft.paint_later(s, paint, at, *args, light, rng)  # type: ignore[arg-type]

    if rng.random() < 0.7:
        for s in np.arange(float(rng.uniform(4, 25)), 130, float(rng.uniform(18, 34))).tolist():
            put(s, 0.45, 7.0, furniture.paint_lamp, -side.sign)
    for s in rng.uniform(5, 80, int(rng.integers(0, 5))).tolist():
        put(s, float(rng.uniform(0.3, 0.9)), 2.6, furniture.paint_sign)
    state = int(rng.integers(0, 3))
    signals = [street.crossing] if street.crossing is not None else []
    for s in [*signals, *(start - 1.5 for start, _ in side.junctions[:1])]:
        if rng.random() < 0.6 and s > 3:
            put(s, 0.45, 3.2, furniture.paint_traffic_light, state)
    if rng.random() < 0.3:
        start = float(rng.uniform(3, 30))
        for s in np.arange(start, start + float(rng.uniform(5, 25)), 1.8).tolist():
            put(s, 0.45, 1.0, furniture.paint_bollard)
    for s in rng.uniform(7, 50, int(rng.integers(0, 3))).tolist():
        put(s, side.back - side.kerb - 0.5, 1.1, furniture.paint_bin)
    if side.kerb < 9 and rng.random() < 0.12:  # a guard rail along the kerb
        s0 = float(rng.uniform(4, 20))
        s1 = s0 + float(rng.uniform(6, 20))
        (ax, _, az), (bx, _, bz) = (street.to_world(side.sign * (side.kerb + 0.4), s) for s in (s0, s1))
        draft.paint_later(s1, fences.paint_fence, (ax, az), (bx, bz), fences.RAIL, light, rng, KERB_HEIGHT)


def plan_people(draft: Draft, side: Side) -> None:
    """People on the pavement and at the crossing, parked bicycles."""
    rng, street, light = draft.rng, draft.street, draft.light
    spots = [
        (side.sign * float(rng.uniform(side.path + 0.5, side.back - 0.3)), s, KERB_HEIGHT)
        for s in (4 + rng.exponential(22, int(rng.poisson(BUSY[side.style])))).tolist()
    ]
    if rng.random() < 0.25 and spots:  # a group walking together
        u, s, y = spots[0]
        spots += [(u + float(rng.normal(0, 0.5)), s + float(rng.normal(0, 0.6)), y) for _ in range(4)]
    if street.crossing is not None:
        for _ in range(int(rng.integers(0, 4))):
            across = side.sign * float(rng.uniform(0, side.kerb))
            spots.append((across, street.crossing + float(rng.uniform(0.3, 2.2)), 0.0))
    if rng.random() < 0.2:
        spots.append((side.sign * float(rng.uniform(0.5, side.kerb)), float(rng.uniform(6, 30)), 0.0))
    for u, s, y in spots:
        at = street.to_world(u, s, y)
        draft.ground.cast_shadow([(at[0] - 0.2, s - 0.1), (at[0] + 0.2, s + 0.1)], 1.7, light)
        draft.ground.shade_contact(at, 0.28)
        draft.paint_later(s, people.paint_person, at, light, rng)
    if rng.random() < 0.35:
        start, motor = float(rng.uniform(5, 40)), bool(rng.random() < 0.25)
        for k in range(int(rng.integers(1, 6))):
            s = start + 0.8 * k
            at = street.to_world(side.sign * (side.kerb + 0.8), s, KERB_HEIGHT)
            end_on = bool(rng.random() < 0.3)
            draft.paint_later(s, people.paint_bicycle, at, light, rng, end_on=end_on, motor=motor)
