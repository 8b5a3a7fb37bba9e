"""A drive: the pictures of a camera that moves along one street, each with its exact annotation."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from back.runtime.errors import UserError
from modelisation.scenes.picture.camera import make_camera
from modelisation.scenes.picture.light import sample_light
from modelisation.scenes.plan.draft import Drive
from modelisation.scenes.plan.street import sample_street
from modelisation.scenes.render import Scene, check_scene, compose

SPEED = 8.0  # metres a second, as in a town
_LONGEST = 110.0  # metres; what is planned of a street ends soon after
_SWAY = 0.004  # radians by which the camera nods


def render_drive(seed: int, frames: int, height: int, width: int, rate: float = 12.5) -> Iterator[Scene]:
    """Render a drive along a street, frame by frame. Traffic moves; who stands or is parked stays.

    Args:
        seed: any non-negative integer; the same arguments give the same pictures.
        frames: how many.
        height, width: pixels, at least 16.
        rate: frames a second.

    Raises:
        UserError: the seed is negative, the size is below 16 pixels, or the street is not long enough.
    """
    check_scene(seed, height, width)
    if frames < 1 or rate <= 0 or frames * SPEED / rate > _LONGEST:
        raise UserError(f"a drive has 1 to {int(_LONGEST / SPEED * rate)} frames at {rate:g} a second, not {frames}")
    rng = np.random.default_rng([seed, 1])
    street, light = replace(sample_street(rng), end=None), sample_light(rng)
    own = -1 if street.drive_left else 1
    aside = own * 0.5 * street.lane_width + float(rng.normal(0, 0.2))
    eye, focal = float(rng.uniform(1.2, 1.5)), max(width, 1.25 * height) * float(rng.uniform(0.7, 1.0))
    planning = int(rng.integers(0, 2**31))
    for index in range(frames):
        travelled = index * SPEED / rate
        x, _, z = street.to_world(aside, travelled)
        camera = make_camera(
            width,
            height,
            focal=focal,
            position=(x, eye, z),
            yaw=street.heading(travelled),
            pitch=0.02 + _SWAY * float(np.sin(1.9 * travelled)),
            roll=0.5 * _SWAY * float(np.sin(1.3 * travelled)),
        )
        yield compose(
            street,
            light,
            camera,
            np.random.default_rng(planning),  # anew: the same things are planned for each frame
            Drive(planning, travelled),
            np.random.default_rng([planning, index + 1]),
        )
