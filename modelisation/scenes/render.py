"""Compose a scene: plan, ground, then every upright thing from far to near."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.errors import UserError
from modelisation.scenes.paint.bonnet import paint_bonnet
from modelisation.scenes.paint.ground import paint_ground
from modelisation.scenes.paint.sky import paint_sky
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas
from modelisation.scenes.picture.lens import develop
from modelisation.scenes.picture.light import Light, sample_light
from modelisation.scenes.plan.building_sites import plan_building_site
from modelisation.scenes.plan.draft import Draft, Drive
from modelisation.scenes.plan.frontage import plan_backdrop, plan_frontage
from modelisation.scenes.plan.layout import lay_ground
from modelisation.scenes.plan.roadside import plan_furniture, plan_greenery, plan_people
from modelisation.scenes.plan.street import Street, sample_camera, sample_street
from modelisation.scenes.plan.traffic import plan_parked, plan_traffic


@dataclass(frozen=True)
class Scene:
    """A rendered street with its exact annotation.

    Attributes:
        image: uint8 [height, width, 3], RGB.
        label_ids: uint8 [height, width], Cityscapes labelIds.
        instance_ids: uint16 [height, width], Cityscapes instanceIds: labelId * 1000 + k (k = 0, 1, ...) for the
            classes with instances (24..33), the labelId itself elsewhere.
    """

    image: npt.NDArray[np.uint8]
    label_ids: npt.NDArray[np.uint8]
    instance_ids: npt.NDArray[np.uint16]


def render_scene(seed: int, height: int, width: int, building_sites: float = 0.0) -> Scene:
    """Render one street scene.

    Args:
        seed: any non-negative integer; the same arguments give the same scene.
        height: pixels, at least 16.
        width: pixels, at least 16.
        building_sites: how probable the boards of one are on each side, 0..1.

    Raises:
        UserError: the seed is negative or the size is below 16 pixels.
    """
    check_scene(seed, height, width)
    rng = np.random.default_rng(seed)
    street, light = sample_street(rng), sample_light(rng)
    return compose(street, light, sample_camera(rng, street, width, height), rng, building_sites=building_sites)


def check_scene(seed: int, height: int, width: int) -> None:
    """Raises UserError: the seed is negative or the size is below 16 pixels."""
    if seed < 0:
        raise UserError(f"a scene's seed is a non-negative integer, not {seed}")
    if height < 16 or width < 16:
        raise UserError(f"a scene is at least 16x16 pixels, not {height}x{width} (height x width)")


def compose(
    street: Street,
    light: Light,
    camera: Camera,
    rng: np.random.Generator,
    drive: Drive | None = None,
    noise_rng: np.random.Generator | None = None,
    building_sites: float = 0.0,
) -> Scene:
    """What a camera sees of a street.

    Args:
        rng: for everything that is not sampled yet.
        drive: where the picture is one of a drive.
        noise_rng: see `develop`.
        building_sites: see `render_scene`.
    """
    canvas = Canvas(paint_sky(camera, light, rng), Image.new("I", (camera.width, camera.height)))
    canvas.add(label_ids.SKY, float("inf"))
    ground = lay_ground(camera, street, rng)
    draft = Draft(canvas, camera, street, light, ground, rng, drive=drive)
    plan_backdrop(draft)
    for side in street.sides:
        plan_frontage(draft, side)
        plan_greenery(draft, side)
        plan_furniture(draft, side)
        plan_people(draft, side)
        if side.parking:
            plan_parked(draft, side)
        if building_sites and rng.random() < building_sites:
            plan_building_site(draft, side)
    plan_traffic(draft)
    ground_depth = paint_ground(canvas, ground, light, rng)
    draft.paint_all()
    if drive is not None:  # what was painted drew from generators of its own; all that follows stays as it is
        rng = np.random.default_rng([drive.seed, 0])
    on_road = -street.left.kerb < float(camera.position[0]) < street.right.kerb
    if on_road and rng.random() < 0.22:
        paint_bonnet(canvas, light, rng)
    owners = np.asarray(canvas.owners)
    depths = np.array(canvas.depths, np.float32)
    on_ground = (depths < 0)[owners]
    if drive is not None:
        depths -= np.float32(camera.position[2])
    hidden = _haze(depths, light.haze_distance)[owners]
    np.copyto(hidden, _haze(ground_depth, light.haze_distance), where=on_ground)
    label_ids_HW = np.array(canvas.labels, np.uint8)[owners]
    paved = on_ground & (label_ids_HW != label_ids.TERRAIN)  # grass does not mirror when it is wet
    image = develop(canvas.picture, hidden, paved, camera, light, rng, noise_rng)
    return Scene(image, label_ids_HW, _instances(owners, canvas.labels))


def _haze(depth: npt.NDArray[np.float32], distance: float) -> npt.NDArray[np.uint8]:
    """How much of a thing the air hides, 0..255; the sky has its own colour already."""
    hidden = 255.0 * (1.0 - np.exp(-np.clip(depth, 0.0, 1e5) / distance))
    return np.where(np.isinf(depth), 0.0, hidden).astype(np.uint8)


def _instances(owners: npt.NDArray[np.int32], object_labels: list[int]) -> npt.NDArray[np.uint16]:
    """Number the visible objects of each class with instances from 0."""
    table = np.array(object_labels, np.uint16)
    seen = np.bincount(owners.ravel(), minlength=len(object_labels)) > 0
    counts: dict[int, int] = {}
    for index in np.flatnonzero(seen):
        label = object_labels[index]
        if label in label_ids.WITH_INSTANCES:
            table[index] = label * 1000 + counts.get(label, 0)
            counts[label] = counts.get(label, 0) + 1
    return table[owners]
