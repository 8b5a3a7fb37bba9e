"""Building sites along a street: the boards that close them off."""

from modelisation.scenes.paint.hoardings import PIECE, paint_hoarding, sample_hoarding
from modelisation.scenes.plan.draft import Draft
from modelisation.scenes.plan.layout import KERB_HEIGHT
from modelisation.scenes.plan.street import Side


def plan_building_site(draft: Draft, side: Side) -> None:
    """Boards along one side, at the pavement's outer edge or, where it is closed, near the kerb.

    A long bright wall with letters on it looks like the side of a bus: a network that saw none takes it for one.
    """
    rng, street = draft.rng, draft.street
    look = sample_hoarding(rng)
    closed = rng.random() < 0.5
    u = side.sign * (side.path + 0.4 if closed else side.back + 0.15)
    begin = s = float(rng.uniform(-6, 22))
    end = min(s + float(rng.uniform(8, 45)), draft.street_end)
    while s < end:
        stop = min(end, s + PIECE + 0.15 * max(0.0, s))
        if stop > 0.5 and not side.has_junction(s, stop - s):
            (ax, _, az), (bx, _, bz) = street.to_world(u, s), street.to_world(u, stop)
            draft.ground.cast_shadow([(ax, az), (bx, bz)], look.height, draft.light)
            draft.paint_later(
                stop + 0.3, paint_hoarding, (ax, az), (bx, bz), look, draft.light, KERB_HEIGHT, s - begin
            )
        s = stop
