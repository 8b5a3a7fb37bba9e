"""The own car's bonnet at the lower edge, as many dashboard cameras see it."""

import numpy as np

from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.canvas import Canvas
from modelisation.scenes.picture.light import Light


def paint_bonnet(canvas: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Paint a bonnet; Cityscapes calls it `ego vehicle`, which evaluation ignores."""
    width, height = canvas.width, canvas.height
    rise = float(rng.uniform(0.03, 0.13)) * height
    lean = float(rng.uniform(-0.25, 0.25))
    t = np.linspace(-1.0, 1.0, 33)
    arch = 1.0 - np.abs(t) ** float(rng.uniform(2, 5)) * float(rng.uniform(0.3, 1.0)) + lean * t
    edge = np.stack(((t + 1) / 2 * width, height - rise * np.clip(arch, 0.0, 1.3)), axis=1)
    outline = np.concatenate((edge, [(width, height + 2.0), (0.0, height + 2.0)])).astype(np.float32)
    layer = canvas.layer(outline)
    if layer is None:
        return
    tone = float(rng.uniform(10, 150))
    paint = light.shade((tone, tone, tone * float(rng.uniform(0.9, 1.2))), (0.0, 0.8, 0.4))
    layer.polygon(outline, [0.75 * v + 0.2 * h for v, h in zip(paint, light.horizon, strict=True)])
    lower = outline + np.array((0.0, 0.35 * rise), np.float32)
    layer.polygon(lower, [0.85 * v + 0.08 * h for v, h in zip(paint, light.horizon, strict=True)])
    layer.commit(canvas.add(label_ids.EGO_VEHICLE, 1.0), rng, grain=0.02)
