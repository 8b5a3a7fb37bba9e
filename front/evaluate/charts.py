"""Figures of the Evaluate page."""

from collections.abc import Sequence

import plotly.graph_objects as go

from front.ui.charts import MODEL_COLOURS, base, fold_title


def picture_dots(points: Sequence[tuple[float, float | None, str]], title: str, *, in_percent: bool) -> go.Figure:
    """A dot a picture: (brightness, value, name); fractions where they are shown in per cent."""
    factor, unit = (100, " %") if in_percent else (1, "")
    figure = go.Figure(
        go.Scatter(
            x=[x for x, _, _ in points],
            y=[None if y is None else factor * y for _, y, _ in points],
            text=[name for _, _, name in points],
            mode="markers",
            marker={"size": 11, "color": MODEL_COLOURS[0], "opacity": 0.8},
            hovertemplate=f"%{{text}}: %{{y:.1f}}{unit}<extra></extra>",
        )
    )
    figure.update_xaxes(title="brightness of the photo")
    figure.update_yaxes(title=fold_title(f"{title}{',' if unit else ''}{unit}"), rangemode="tozero")
    return base(figure, height=320, top=8)
