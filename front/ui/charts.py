"""Plotly figures. Each function takes plain numbers and returns a figure; pages add the alt text."""

import textwrap
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from front.ui.names import display_name

Difference = tuple[str, float, float | None, float | None]  # name, points, low and high end of the interval

CONFIG = {"displayModeBar": False, "responsive": True}
STAGES = ("decode", "resize", "infer", "argmax", "encode")
# Any two of a set stay apart for red-green colour-blind eyes, and all stand out in both themes: tests measure it.
# The first models are green and brown, and inference, which takes nearly all of a bar, is neither.
STAGE_COLOURS = ("#a0bedc", "#1ea08c", "#3c96d2", "#dca032", "#963c8c")
MODEL_COLOURS = ("#32a08c", "#c8825a", "#5a78e6", "#96468c", "#968200", "#5096d2")
# Letters and lines in the light and the dark theme: Streamlit's own grey is too pale to be read on white.
INK = {False: "#4f5b5a", True: "#c6d1cf"}
LINE = "#8a9a98"  # of both themes
BETTER, WORSE = "#149d8f", "#e07b39"
_NARROW = 36  # letters of an axis title that fit beside the other labels on a phone


def base(figure: go.Figure, *, height: int, top: int = 34, **layout: object) -> go.Figure:
    """The look all charts share: little ink, legend above (`top` pixels of room), labels never cut."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": top, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": None, "traceorder": "normal"},
        hoverlabel={"namelength": -1},
        bargap=0.28,
        bargroupgap=0.06,
    )
    figure.update_xaxes(automargin=True, fixedrange=True)
    figure.update_yaxes(automargin=True, fixedrange=True)
    figure.update_layout(**layout)
    return figure


def model_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each model, by its place in the list of all."""
    return {name: MODEL_COLOURS[i % len(MODEL_COLOURS)] for i, name in enumerate(names)}


def fold_title(title: str) -> str:
    """An axis title in lines that a phone shows whole."""
    return "<br>".join(textwrap.wrap(title, _NARROW))


def ink_figure(figure: go.Figure, *, dark: bool) -> go.Figure:
    """The figure with letters that stand out from the page."""
    ink = INK[dark]
    figure.update_layout(font_color=ink, legend_font_color=ink)
    figure.update_xaxes(tickfont_color=ink, title_font_color=ink)
    figure.update_yaxes(tickfont_color=ink, title_font_color=ink)
    return figure


def difference_dots(rows: Sequence[Difference], label: str) -> go.Figure:
    """Difference by class in points with its interval: rows of (class, difference, low, high)."""
    figure = go.Figure()
    has_interval = all(low is not None and high is not None for _, _, low, high in rows)
    error = None
    if has_interval:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [float(high or 0.0) - d for _, d, _, high in rows],
            "arrayminus": [d - float(low or 0.0) for _, d, low, _ in rows],
            "color": LINE,
            "thickness": 2,
            "width": 5,
        }
    figure.add_scatter(
        x=[d for _, d, _, _ in rows],
        y=[name for name, _, _, _ in rows],
        mode="markers",
        marker={"size": 10, "color": [BETTER if d >= 0 else WORSE for _, d, _, _ in rows]},
        error_x=error,
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line_width=1.5, line_dash="dot", line_color=LINE)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title=fold_title(label), zeroline=False)
    return base(figure, height=100 + 32 * len(rows), top=8)


def class_bars(
    fractions: Mapping[str, Mapping[str, float | None]], colours: Mapping[str, str], *, end: float | None = None
) -> go.Figure:
    """Per cent by class, one bar a model, with the number beside it.

    Args:
        fractions: 0..1 by model and class; None where there is none, such as the IoU of a class without a pixel.
        end: per cent at the right edge; where it is None, the longest bar decides.
    """
    names = list(dict.fromkeys(name for by_class in fractions.values() for name in by_class))
    figure = go.Figure()
    for model, by_class in fractions.items():
        known = [by_class.get(name) for name in names]
        values = [None if value is None else 100 * value for value in known]
        figure.add_bar(
            orientation="h",
            y=names,
            x=values,
            name=display_name(model),
            marker_color=colours[model],
            text=["" if v is None else f"{v:.1f} %" for v in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2f} %<extra>%{fullData.name}</extra>",
        )
    longest = max((v for trace in figure.data for v in trace.x if v is not None), default=0.0)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(visible=False, range=[0, max(1.0, end or longest) * 1.22])  # room for the numbers
    return base(figure, height=70 + len(names) * (14 + 17 * len(fractions)))


def latency_bars(timings: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Milliseconds by stage, stacked, one bar a model."""
    models = list(timings)
    figure = go.Figure()
    for stage, colour in zip(STAGES, STAGE_COLOURS, strict=True):
        values = [float(timings[m].get(stage) or 0.0) for m in models]
        figure.add_bar(
            orientation="h",
            y=[display_name(m) for m in models],
            x=values,
            name=stage,
            marker_color=colour,
            hovertemplate="%{fullData.name}: %{x:.1f} ms<extra>%{y}</extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="milliseconds", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return base(figure, height=130 + 46 * len(models))


def confusion_heatmap(
    matrix: Sequence[Sequence[float]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    rows: str,
    columns: str,
    dark: bool,
    only_changes: bool = False,
) -> go.Figure:
    """Row-normalised confusion in per cent; cells under half a per cent carry no number.

    With `only_changes` the cells where row and column are the same class stay empty, so that the rest can be seen.
    """
    shares = row_percent(matrix)
    if only_changes:
        shares = [
            [None if r == c else v for c, v in zip(column_names, row, strict=True)]
            for r, row in zip(row_names, shares, strict=True)
        ]
    text = [["" if v is None or v < 0.5 else f"{v:.0f}" for v in row] for row in shares]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(column_names),
            y=list(row_names),
            text=text,
            texttemplate="%{text}",
            textfont={"size": 13 if len(column_names) <= 10 else 9, "color": "#ffffff" if dark else "#16201f"},
            # One text colour reads on the whole scale: the ends lie on the same side of it.
            colorscale=[[0, "#1a2322" if dark else "#eef3f2"], [1, "#0f7f74" if dark else "#5cc4b8"]],
            zmin=0,
            zmax=None if only_changes else 100,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate=f"{rows} %{{y}}, {columns} %{{x}}: %{{z:.1f}} %<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", title=rows, showgrid=False)
    figure.update_xaxes(title=columns, tickangle=-45, showgrid=False)
    return base(figure, height=200 + 36 * len(row_names), top=8)


def row_percent(matrix: Sequence[Sequence[float]]) -> list[list[float | None]]:
    """Each row as per cent of its sum; None where a row is empty."""
    result: list[list[float | None]] = []
    for row in matrix:
        total = sum(row)
        result.append([100 * v / total if total else None for v in row])
    return result


def curves(
    lines: Sequence[tuple[str, str, Sequence[int], Sequence[float], str]], *, unit: str, log: bool = False
) -> go.Figure:
    """Lines over epochs: (name, colour, steps, values, dash)."""
    figure = go.Figure()
    for name, colour, steps, values, dash in lines:
        figure.add_scatter(
            x=list(steps),
            y=list(values),
            name=name,
            mode="lines+markers" if len(steps) < 3 else "lines",
            line={"color": colour, "dash": dash, "width": 2.2},
            hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title=unit, type="log" if log else "linear")
    return base(figure, height=280, top=8, showlegend=False)
