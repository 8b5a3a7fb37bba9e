"""How names are written for people."""

import re

# What Streamlit's Markdown makes something else of: emphasis, code, links, HTML, formulas, colours, entities. An
# underscore between letters is none of it.
_MARKUP = re.compile(r"[\\`*\[\]<>$~:&|#]|(?<![^\W_])_|_(?![^\W_])")
# So is a list or a heading at the start of a line.
_LIST = re.compile(r"^([-+]|\d+(?=[.)]))")

_KNOWN = {"deeplabv3plus": "DeepLabV3+", "segformer": "SegFormer", "mask2former": "Mask2Former"}
_DATASETS = {"camvid": "CamVid", "cityscapes": "Cityscapes"}


def display_name(model: str) -> str:
    """`segformer-b2` -> `SegFormer-b2`; a name that is not known stays as it is."""
    for prefix, pretty in _KNOWN.items():
        if model.startswith(prefix):
            return pretty + model.removeprefix(prefix)
    return model


def dataset_name(name: str) -> str:
    """`camvid` -> `CamVid`; a name that is not known stays as it is."""
    return _DATASETS.get(name, name)


def shorten(name: str, length: int = 28) -> str:
    """A long file name with its middle left out, so that its end stays readable."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[-(length - 1 - head) :]}"


def as_text(name: str) -> str:
    """A file's name, or a sentence that holds one, as Markdown that shows every letter of it and does nothing.

    Example:
        >>> print(as_text("*5 $ [a](b).jpg"))
        \\*5 \\$ \\[a\\](b).jpg
    """
    text = _MARKUP.sub(r"\\\g<0>", " ".join(name.split()))
    return _LIST.sub(lambda found: f"\\{found[1]}" if found[1] in "-+" else f"{found[1]}\\", text)


def duration(start_ms: float | None, end_ms: float | None) -> str:
    """`1 h 30 min`, `12 min`, `40 s`; a dash while it is not known."""
    if start_ms is None or end_ms is None:
        return "—"
    seconds = max(0, round((end_ms - start_ms) / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
