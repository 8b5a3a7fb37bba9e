"""The names of the formats in which labels are written: apart, so that a command's help loads no image code."""

PNG = "png"  # masks
TOOL_FORMATS = ("coco", "polygons", "geojson", "cvat")
