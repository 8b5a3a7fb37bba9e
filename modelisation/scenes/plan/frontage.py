"""The walls of a street: its houses, what closes the view, garden walls and hedges."""

import numpy as np

from modelisation.scenes.paint import fences, plants
from modelisation.scenes.paint.buildings import paint_building, sample_building
from modelisation.scenes.plan.draft import Draft
from modelisation.scenes.plan.layout import KERB_HEIGHT
from modelisation.scenes.plan.street import FAR, Side

GAPS = {"city": 0.06, "terrace": 0.06, "suburb": 0.0, "park": 0.55, "plaza": 0.25}
LENGTHS = {"city": (9, 22), "terrace": (5, 11), "suburb": (8, 13), "park": (12, 24), "plaza": (16, 40)}
APART = {"city": (0, 0), "terrace": (0, 0), "suburb": (2, 7), "park": (4, 25), "plaza": (0, 12)}
HEIGHTS = {"city": 17.0, "terrace": 8.0, "suburb": 7.0, "park": 6.0, "plaza": 5.0}  # typical, for shadows
CORNER = 2.5  # metres that houses keep from a side street


def plan_backdrop(draft: Draft) -> None:
    """Close the view: houses across the end of the street, or distant trees and roofs."""
    rng, street, light = draft.rng, draft.street, draft.light
    closed = street.end is not None
    s = (street.end or 0.0) + 16.0 if closed else FAR + 8
    widest = max(side.frontage for side in street.sides)
    reach = 1.6 * widest + 12.0 if closed else max(45.0, 6.0 * widest)
    middle = float(street.middle_x(s))
    x = -reach
    while x < reach:
        width = float(rng.uniform(8, 20) if closed else rng.uniform(14, 45))
        if rng.random() < (0.75 if closed else 0.5):
            style = "city" if rng.random() < 0.5 else "terrace"
            house = sample_building(rng, (middle + x, s), (middle + x + width, s), style)
            draft.paint_later(s + 2, paint_building, house, light, rng)
        x += width
    leaf = plants.sample_leaf(rng)
    bare = rng.random() < 0.3
    for x in np.arange(-reach, reach, 7.0 if closed else 14.0).tolist():
        if rng.random() < (0.3 if closed else 0.8):
            at = (middle + x + float(rng.normal(0, 2)), 0.0, s - float(rng.uniform(0.5, 3)))
            tall = float(rng.uniform(4, 9) if closed else rng.uniform(7, 16))
            if bare:
                draft.paint_later(at[2], plants.paint_tree, at, tall, None, light, rng)
            else:
                draft.paint_later(at[2], plants.paint_bush, at, 1.3 * tall, tall, leaf, light, rng)


def plan_frontage(draft: Draft, side: Side) -> None:
    """Houses, with gaps, garden walls and hedges."""
    rng = draft.rng
    look = fences.sample_fence(rng)
    s = float(rng.uniform(-12, -4))
    joined, neighbour = -np.inf, 0.0  # where the nearer house ends, and its height
    while s < draft.street_end - 4:
        length = min(float(rng.uniform(*LENGTHS[side.style])), draft.street_end - s)
        ahead = [j for j in side.junctions if j[1] + CORNER > s]
        if ahead:
            start, stop = min(ahead)
            length = min(length, start - CORNER - s)
            if length < 4:
                s = stop + CORNER + 0.1
                continue
        if rng.random() >= GAPS[side.style]:
            neighbour = _plan_house(draft, side, s, length, neighbour if s == joined else 0.0)
            joined = s + length
        if side.garden > 1.2 and look is not None and s + length > 1:
            _plan_fence(draft, side, look, max(s, -3.0), s + length - float(rng.uniform(0, 1.5)))
        s += length + float(rng.uniform(*APART[side.style]))


def _plan_fence(draft: Draft, side: Side, look: fences.Fence, s: float, end: float) -> None:
    """Plan a fence in short pieces, so that what grows behind it is painted before the pieces in front of it."""
    u = side.sign * (side.back + 0.1)
    while s < end:
        stop = min(end, s + 3.0 + 0.15 * max(0.0, s))
        (ax, _, az), (bx, _, bz) = draft.street.to_world(u, s), draft.street.to_world(u, stop)
        if stop > 0.5:
            line = ((ax, az), (bx, bz))
            draft.paint_later(stop + 0.3, fences.paint_fence, *line, look, draft.light, draft.rng, KERB_HEIGHT)
        s = stop


def _plan_house(draft: Draft, side: Side, s: float, length: float, covered: float) -> float:
    """Plan a house from s on; `covered` is the height of a neighbour that touches it. Returns its own height."""
    rng, light, street = draft.rng, draft.light, draft.street
    u = side.sign * (side.frontage + float(rng.uniform(0, 0.4)))
    (nx, _, nz), (fx, _, fz) = street.to_world(u, s), street.to_world(u, s + length)
    ends = ((fx, fz), (nx, nz)) if side.sign > 0 else ((nx, nz), (fx, fz))
    house = sample_building(rng, *ends, side.style)
    height = house.facade.height
    if s + length < 0:
        return height
    other = street.left if side.sign > 0 else street.right
    reach = abs(light.sun[0]) / max(0.15, light.sun[1])  # how far a shadow falls across, for a metre of height
    shade = HEIGHTS[other.style] - (side.frontage + other.frontage) / max(0.05, reach) + float(rng.normal(0, 2))
    draft.ground.cast_shadow(house.corners, height, light)
    draft.paint_later(s + length + 0.5, paint_building, house, light, rng, shade_top=shade, covered=covered)
    return height
