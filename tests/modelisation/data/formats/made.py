"""A few pictures in each format's own words: every maker writes the same labels, so every reader must give the same.

Each follows what the format's own documentation says; the readers' docstrings name it.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.masks.rle import compressed, to_rle

HEIGHT, WIDTH = 24, 32
NAMES = ("road", "car", "sky")
COLOURS = ((128, 64, 128), (0, 0, 142), (70, 130, 180))
Ids = npt.NDArray[np.uint8]


def truth(index: int) -> Ids:
    """Ids of picture `index`: sky above, road below, a car that moves; a corner without a label."""
    ids = np.full((HEIGHT, WIDTH), 2, np.uint8)
    ids[14:] = 0
    ids[10:18, 4 + 5 * index : 12 + 5 * index] = 1
    ids[:3, 28:] = 255
    return ids


def box(ids: Ids, class_id: int) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of a class."""
    rows, columns = np.nonzero(ids == class_id)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def outlines(ids: Ids) -> list[tuple[str, list[list[int]]]]:
    """Polygons in drawing order that give the ids: the sky leaves the corner out."""
    x0, y0, x1, y1 = box(ids, 1)
    sky = [[0, 0], [28, 0], [28, 3], [WIDTH, 3], [WIDTH, 14], [0, 14]]
    return [
        ("sky", sky),
        ("road", [[0, 14], [WIDTH, 14], [WIDTH, HEIGHT], [0, HEIGHT]]),
        ("car", [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]),
    ]


def photo(path: Path, index: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(index).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def save_ids(path: Path, ids: npt.NDArray[np.uint8], palette: list[int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids, mode="P" if palette else "L")
    if palette:
        image.putpalette(palette)
    image.save(path)


def save_colours(path: Path, ids: Ids, none: tuple[int, int, int] = (0, 0, 0)) -> None:
    table = np.zeros((256, 3), np.uint8)
    table[:3], table[255] = COLOURS, none
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(table[ids]).save(path)


def cvat_mask(root: Path) -> None:
    """`labelmap.txt` with label:color_rgb:parts:actions; CVAT writes colours as RGB or palette PNGs."""
    lines = [f"{n}:{','.join(map(str, c))}::" for n, c in zip(NAMES, COLOURS, strict=True)]
    root.mkdir(parents=True)
    (root / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nvoid:0,0,0::\n" + "\n".join(lines) + "\n")
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "default.txt").write_text("a_0\nb_1\n")
    for index, name in enumerate(("a_0", "b_1")):
        photo(root / "JPEGImages" / f"{name}.jpg", index)
        save_colours(root / "SegmentationClass" / f"{name}.png", truth(index))


def cvat_camvid(root: Path) -> None:
    lines = ["0 0 0 Void", *(f"{r} {g} {b} {n}" for n, (r, g, b) in zip(NAMES, COLOURS, strict=True))]
    root.mkdir(parents=True)
    (root / "label_colors.txt").write_text("\n".join(lines) + "\n")
    for index, name in enumerate(("a_0", "b_1")):
        photo(root / "default" / f"{name}.png", index)
        save_colours(root / "defaultannot" / f"{name}.png", truth(index))


def coco(root: Path, form: str = "polygon") -> None:
    images, annotations = [], []
    for index, name in enumerate(("a_0.jpg", "b_1.jpg")):
        photo(root / "images" / name, index)
        images.append({"id": index + 7, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for label, ring in outlines(truth(index)):
            shape: object = [[v for point in ring for v in point]]
            if form != "polygon":
                counts = to_rle(truth(index) == NAMES.index(label))
                shape = {"size": [HEIGHT, WIDTH], "counts": compressed(counts) if form == "compressed" else counts}
            annotations.append(
                {"id": len(annotations), "image_id": index + 7, "category_id": 10 * NAMES.index(label) + 1,
                 "iscrowd": 0, "segmentation": shape}
            )  # fmt: skip
    categories = [{"id": 10 * i + 1, "name": name} for i, name in enumerate(NAMES)]
    (root / "annotations").mkdir()
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "instances_default.json").write_text(json.dumps(content))


def labelme(root: Path) -> None:
    for index, name in enumerate(("a_0", "b_1")):
        image = photo(root / f"{name}.jpg", index)
        drawn = outlines(truth(index))
        shapes = [{"label": n, "points": ring, "shape_type": "polygon", "flags": {}} for n, ring in drawn]
        x0, y0, x1, y1 = box(truth(index), 1)
        if index:  # the car as a mask, as Labelme's AI tools draw it
            buffer = io.BytesIO()
            Image.fromarray(np.full((y1 - y0, x1 - x0), 255, np.uint8)).save(buffer, "PNG")
            mask = base64.b64encode(buffer.getvalue()).decode()
            shapes[2] = {"label": "car", "points": [[x0, y0], [x1 - 1, y1 - 1]], "shape_type": "mask", "mask": mask}
        else:
            shapes[2] = {"label": "car", "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"}
        content = {"version": "5.5.0", "shapes": shapes, "imagePath": image.name, "imageData": None,
                   "imageHeight": HEIGHT, "imageWidth": WIDTH}  # fmt: skip
        (root / f"{name}.json").write_text(json.dumps(content))


def rle_pack(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Label Studio's brush RLE of a mask, in the plainest form: word size 8, runs of up to 16 bits."""
    data = np.repeat((mask * np.uint8(255)).reshape(-1, 1), 4, axis=1).reshape(-1)
    bits = f"{data.size:032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (2, 3, 8, 16))
    ends = [*(np.flatnonzero(np.diff(data)) + 1).tolist(), data.size]
    start = 0
    for end in ends:
        while start < end:
            run = min(end - start, 1 << 16)
            bits += f"1{3:02b}{run - 1:016b}{data[start]:08b}"
            start += run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def label_studio(root: Path) -> None:
    """Polygons in per cent, the car of the second picture as a brush; the upload has a prefix."""
    tasks = []
    for index, name in enumerate(("a_0.jpg", "b_1.jpg")):
        photo(root / "images" / name, index)
        results = []
        for label, ring in outlines(truth(index)):
            whole = {"original_width": WIDTH, "original_height": HEIGHT, "id": label, "image_rotation": 0}
            if index and label == "car":
                value: object = {"format": "rle", "rle": rle_pack(truth(index) == 1), "brushlabels": ["car"]}
                results.append({**whole, "type": "brushlabels", "value": value})
            else:
                points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in ring]
                results.append(
                    {**whole, "type": "polygonlabels", "value": {"points": points, "polygonlabels": [label]}}
                )
        data = {"image": f"/data/upload/1/0a1b2c3d-{name}"}
        tasks.append({"id": index, "data": data, "annotations": [{"was_cancelled": False, "result": results}]})
    (root / "project-1.json").write_text(json.dumps(tasks))


def roboflow(root: Path) -> None:
    for index, (split, name) in enumerate((("train", "a_0"), ("valid", "b_1"))):
        photo(root / split / f"{name}.jpg", index)
        save_ids(root / split / f"{name}_mask.png", truth(index))
        (root / split / "_classes.csv").write_text("Pixel Value, Class\n0, road\n1, car\n2, sky\n")


def mask_suffix(root: Path) -> None:
    for index, name in enumerate(("a_0", "b_1")):
        photo(root / f"{name}.jpg", index)
        save_colours(root / f"{name}_mask.png", truth(index))
    rows = [f"{n},{r},{g},{b}" for n, (r, g, b) in zip(NAMES, COLOURS, strict=True)]
    (root / "class_dict.csv").write_text("name,r,g,b\nvoid,0,0,0\n" + "\n".join(rows) + "\n")


def mask_folder(root: Path) -> None:
    for index, name in enumerate(("a_0", "b_1")):
        photo(root / "images" / f"{name}.jpg", index)
        save_ids(root / "masks" / f"{name}.png", truth(index))
    (root / "_classes.csv").write_text("0,road\n1,car\n2,sky\n")


MAKERS = {
    "cvat mask": cvat_mask,
    "cvat camvid": cvat_camvid,
    "coco polygons": coco,
    "coco rle": lambda root: coco(root, "counts"),
    "coco compressed rle": lambda root: coco(root, "compressed"),
    "labelme": labelme,
    "label studio": label_studio,
    "roboflow": roboflow,
    "mask suffix": mask_suffix,
    "mask folder": mask_folder,
}
