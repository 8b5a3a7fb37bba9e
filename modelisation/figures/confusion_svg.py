"""A confusion matrix as SVG text: drawn in a millisecond, where matplotlib takes seconds only to be imported."""

from collections.abc import Sequence
from html import escape

import numpy as np

_CELL, _MARGIN, _TOP = 52, 120, 60  # pixels: a cell, the names of the rows, title and names of the columns


def confusion_svg(matrix: np.ndarray, names: Sequence[str], title: str) -> str:
    """The share of each true class (row) that was given each class (column), in percent.

    Args:
        matrix: int [C, C] pixels, rows truth, columns prediction.
        names: of the C classes.
        title: one line above it.
    """
    rows = matrix.sum(1, keepdims=True)
    share = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    width, height = _MARGIN + _CELL * len(names) + 60, _TOP + _CELL * len(names) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
        '<text x="12" y="44" fill="#555">rows: what it is; columns: what the model says; % of the row</text>',
    ]
    for y, name in enumerate(names):
        middle = _TOP + _CELL * y + _CELL // 2 + 5
        parts.append(f'<text x="{_MARGIN - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>')
        x, end = _MARGIN + _CELL * y + _CELL // 2, _TOP + _CELL * len(names) + 14
        parts.append(f'<text x="{x}" y="{end}" transform="rotate(45 {x} {end})">{escape(name)}</text>')
    for y, x in np.ndindex(share.shape):
        value = float(share[y, x])
        red, green, blue = (round(255 + value * (end - 255)) for end in (8, 48, 107))
        left, top = _MARGIN + _CELL * x, _TOP + _CELL * y
        parts.append(
            f'<rect x="{left}" y="{top}" width="{_CELL}" height="{_CELL}" fill="rgb({red},{green},{blue})"/>'
        )
        if value >= 0.005:
            shade = "white" if value > 0.5 else "black"
            at = f'x="{left + _CELL // 2}" y="{top + _CELL // 2 + 5}"'
            parts.append(f'<text {at} text-anchor="middle" fill="{shade}">{100 * value:.0f}</text>')
    return "\n".join([*parts, "</svg>"])
