"""A pinhole camera over a flat street: world metres (X right, Y up, Z forward) to image pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
NEAR = 0.35  # metres; anything closer to the lens is cut away


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and how it looks.

    `rotation` holds the camera's right, down and forward directions as rows, in world coordinates.
    """

    width: int
    height: int
    focal: float
    centre_y: float
    position: Floats
    rotation: Floats

    def to_camera(self, points_N3: npt.ArrayLike) -> Floats:
        """World points [N, 3] in metres to camera coordinates [N, 3] (right, down, forward)."""
        camera = (np.asarray(points_N3, np.float32).reshape(-1, 3) - self.position) @ self.rotation.T
        return np.asarray(camera, np.float32)

    def to_pixels(self, camera_N3: Floats) -> Floats:
        """Camera coordinates with forward > 0 to pixels [N, 2] (x, y)."""
        middle = np.array((self.width / 2, self.centre_y), np.float32)
        pixels = camera_N3[:, :2] * (np.float32(self.focal) / camera_N3[:, 2:]) + middle
        return np.asarray(pixels, np.float32)

    def polygon(self, points_N3: npt.ArrayLike) -> Floats | None:
        """Project a world polygon, cut at the near plane; None where nothing of it is in front."""
        camera = self.to_camera(points_N3)
        if camera[:, 2].min() < NEAR:
            camera = _cut_near(camera)
            if len(camera) < 3:
                return None
        return self.to_pixels(camera)

    def point(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """One world point to (pixel x, pixel y, pixels a metre); the scale is <= 0 behind the camera."""
        right, down, forward = self.to_camera((x, y, z))[0]
        if forward < NEAR:
            return 0.0, 0.0, 0.0
        scale = self.focal / forward
        return float(right * scale + self.width / 2), float(down * scale + self.centre_y), float(scale)

    def rays(self, rows: slice, step: int = 1) -> tuple[Floats, Floats, Floats]:
        """World directions (x, y, z parts, each [rows, columns]) of the pixels in some rows; forward part is 1."""
        y = (np.arange(rows.start, rows.stop, step, dtype=np.float32) + 0.5 * step - self.centre_y) / self.focal
        x = (np.arange(0, self.width, step, dtype=np.float32) + 0.5 * step - self.width / 2) / self.focal
        right, down, forward = self.rotation
        parts = [(x * right[i])[None, :] + (y * down[i] + forward[i])[:, None] for i in range(3)]
        return parts[0], parts[1], parts[2]

    def horizon_row(self) -> int:
        """The first row that holds a pixel looking below the horizon."""
        right, down, forward = self.rotation
        edges = np.array([-0.5, 0.5]) * self.width / self.focal
        y = -(forward[1] + edges * right[1]) / down[1] * self.focal + self.centre_y
        return int(np.clip(np.floor(y.min()), 0, self.height))


def make_camera(
    width: int,
    height: int,
    *,
    focal: float,
    position: tuple[float, float, float],
    yaw: float,
    pitch: float,
    roll: float,
) -> Camera:
    """Build a camera from angles in radians (yaw to the right, pitch up, roll clockwise)."""
    forward = np.array([np.sin(yaw), 0.0, np.cos(yaw)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    up = np.array([0.0, 1.0, 0.0])
    forward, up = (
        np.cos(pitch) * forward + np.sin(pitch) * up,
        np.cos(pitch) * up - np.sin(pitch) * forward,
    )
    right, up = np.cos(roll) * right + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * right
    rotation = np.stack((right, -up, forward)).astype(np.float32)
    return Camera(width, height, focal, height / 2, np.array(position, np.float32), rotation)


def clip_wall(camera: Camera, a: Sequence[float], b: Sequence[float]) -> tuple[float, float] | None:
    """The part (t0, t1) of the ground line a -> b, (x, z) each, inside the camera's view; None if none is."""
    ends = camera.to_camera([(a[0], camera.position[1], a[1]), (b[0], camera.position[1], b[1])])
    half = camera.width / 2 / camera.focal * 1.12
    t0, t1 = 0.0, 1.0
    for nx, nz, offset in ((0.0, 1.0, -0.5), (1.0, half, 0.4), (-1.0, half, 0.4)):
        da = nx * ends[0, 0] + nz * ends[0, 2] + offset
        db = nx * ends[1, 0] + nz * ends[1, 2] + offset
        if da < 0 and db < 0:
            return None
        if da < 0:
            t0 = max(t0, float(da / (da - db)))
        elif db < 0:
            t1 = min(t1, float(da / (da - db)))
    return (t0, t1) if t1 - t0 > 1e-4 else None


def _cut_near(camera_N3: Floats) -> Floats:
    kept: list[Floats] = []
    for a, b in zip(camera_N3, np.roll(camera_N3, -1, axis=0), strict=True):
        if a[2] >= NEAR:
            kept.append(a)
        if (a[2] >= NEAR) != (b[2] >= NEAR):
            kept.append(a + (b - a) * ((NEAR - a[2]) / (b[2] - a[2])))
    return np.array(kept, np.float32).reshape(-1, 3)
