"""Procedural street scenes with exact Cityscapes annotation, from numpy and Pillow alone.

`render_scene` makes one, `write_scenes` a data set. Labels are exact: a pixel belongs to the object that covers it,
while the picture's edges are softened as a lens would.
"""

from modelisation.data.scenes.render import Scene, render_scene
from modelisation.data.scenes.writer import write_scenes

__all__ = ["Scene", "render_scene", "write_scenes"]
