"""What the classes of a taxonomy are to what is pasted into a street."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from back.runtime.errors import UserError
from back.runtime.taxonomy import TAXONOMIES, Taxonomy, grouping


@dataclass(frozen=True)
class Roles:
    """What the ids of a taxonomy are to a row of boards, each as a bool [256] by id.

    Attributes:
        ground: what boards stand on.
        standing: road users, which hide boards or are hidden by them as a whole.
        walking: people and riders.
        thin: the class of poles and signs; so are they where they are narrow.
        built: what boards stand in front of.
        sky: sky, which is brighter than any board.
    """

    ground: npt.NDArray[np.bool_]
    standing: npt.NDArray[np.bool_]
    walking: npt.NDArray[np.bool_]
    thin: npt.NDArray[np.bool_]
    built: npt.NDArray[np.bool_]
    sky: npt.NDArray[np.bool_]


def find_roles(taxonomy: Taxonomy) -> Roles:
    """The roles of a taxonomy's classes, by the classes of street8 that they belong to, or are called like.

    Raises:
        UserError: none of them is road or sidewalk.
    """
    street8 = TAXONOMIES["street8"]
    places = grouping(taxonomy, street8)
    known = [name if name in street8.names else "" for name in taxonomy.names]
    if places is not None:
        known = [street8.names[place] for place in places]

    def table(*names: str) -> npt.NDArray[np.bool_]:
        return np.array([name in names for name in known] + [False] * (256 - len(known)))

    roles = Roles(
        table("road", "sidewalk"),
        table("vehicle", "pedestrian"),
        table("pedestrian"),
        table("background"),
        table("building", "background", "vegetation"),
        table("sky"),
    )
    if not roles.ground.any():
        raise UserError(f"augmentation.boards: {taxonomy.id} has no class that is known as road or sidewalk")
    return roles
