"""Plotly figures. Each function takes plain numbers and returns a figure; pages add the alt text."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from front.names import display_name

CONFIG = {"displayModeBar": False, "responsive": True}
STAGES = ("decode", "resize", "infer", "argmax", "encode")
_STAGE_COLOURS = ("#8fb8de", "#4a9ad4", "#149d8f", "#e0a339", "#c45a9c")


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


def share_bars(shares: Mapping[str, Mapping[str, float]], colours: Mapping[str, str]) -> go.Figure:
    """Share of the photo by class, one bar a model. `shares[model][class]` is a fraction."""
    names = list(dict.fromkeys(name for by_class in shares.values() for name in by_class))
    figure = go.Figure()
    for model, by_class in shares.items():
        values = [100 * by_class.get(name, 0.0) for name in names]
        figure.add_bar(
            orientation="h",
            y=names,
            x=values,
            name=display_name(model),
            marker_color=colours[model],
            text=[f"{v:.1f} %" for v in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2f} %<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(visible=False, range=[0, _head_room(figure)])
    return base(figure, height=70 + len(names) * (14 + 17 * len(shares)))


def latency_bars(timings: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Milliseconds by stage, stacked, one bar a model."""
    models = list(timings)
    figure = go.Figure()
    for stage, colour in zip(STAGES, _STAGE_COLOURS, strict=True):
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


def class_iou_bars(
    iou: Mapping[str, Mapping[str, float | None]], colours: Mapping[str, str], *, label: str = "IoU, %"
) -> go.Figure:
    """IoU by class, one bar a model. `iou[model][class]` is a fraction or None where a class has no pixel."""
    names = list(dict.fromkeys(name for by_class in iou.values() for name in by_class))
    figure = go.Figure()
    for model, by_class in iou.items():
        values = [None if by_class.get(n) is None else 100 * float(by_class[n] or 0.0) for n in names]
        figure.add_bar(
            x=names,
            y=values,
            name=display_name(model),
            marker_color=colours[model],
            hovertemplate="%{x}: %{y:.1f} %<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(title=label, range=[0, 100])
    figure.update_xaxes(showgrid=False)
    return base(figure, height=360)


def difference_dots(rows: Sequence[tuple[str, float, float | None, float | None]], label: str) -> go.Figure:
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
            "color": "#8a9a98",
            "thickness": 2,
            "width": 5,
        }
    figure.add_scatter(
        x=[d for _, d, _, _ in rows],
        y=[name for name, _, _, _ in rows],
        mode="markers",
        marker={"size": 10, "color": ["#149d8f" if d >= 0 else "#e07b39" for _, d, _, _ in rows]},
        error_x=error,
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line_width=1, line_dash="dot")
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title=label, zeroline=False)
    return base(figure, height=80 + 32 * len(rows), top=8)


def pareto(points: Sequence[tuple[str, float, float]], colours: Mapping[str, str], label: str) -> go.Figure:
    """Accuracy against latency: points of (model, milliseconds, mIoU fraction); the front joins the best."""
    figure = go.Figure()
    best = pareto_front([(ms, miou) for _, ms, miou in points])
    figure.add_scatter(
        x=[ms for ms, _ in best],
        y=[100 * miou for _, miou in best],
        mode="lines",
        line={"dash": "dot", "color": "#8a9a98", "shape": "hv"},
        name="best for its time",
        hoverinfo="skip",
    )
    for model, ms, miou in points:
        figure.add_scatter(
            x=[ms],
            y=[100 * miou],
            mode="markers+text",
            marker={"size": 14, "color": colours[model]},
            text=[display_name(model)],
            textposition="top center",
            name=display_name(model),
            showlegend=False,
            cliponaxis=False,
            hovertemplate="%{x:.0f} ms, mIoU %{y:.1f} %<extra>%{text}</extra>",
        )
    slowest = max(ms for _, ms, _ in points)
    low, high = min(m for _, _, m in points) * 100, max(m for _, _, m in points) * 100
    room = max(2.0, 0.35 * (high - low))
    figure.update_xaxes(title=label, range=[0, slowest * 1.25])
    figure.update_yaxes(title="mIoU, %", range=[max(0.0, low - room), min(100.0, high + room)])
    return base(figure, height=360)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (latency, accuracy) points that no other beats in both, fastest first."""
    front: list[tuple[float, float]] = []
    for ms, score in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or score > front[-1][1]:
            front.append((ms, score))
    return front


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
            textfont={"size": 13, "color": "#ffffff" if dark else "#16201f"},
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


def score_spread(scores: Mapping[str, Sequence[tuple[str, float]]], colours: Mapping[str, str]) -> go.Figure:
    """Per-image scores as boxes with every image as a point. `scores[model]` is (image, fraction)."""
    figure = go.Figure()
    for model, images in scores.items():
        figure.add_box(
            x=[100 * s for _, s in images],
            name=display_name(model),
            text=[name for name, _ in images],
            marker={"color": colours[model], "size": 5, "opacity": 0.65},
            boxpoints="all",
            jitter=0.5,
            pointpos=0,
            hovertemplate="%{text}: %{x:.1f} %<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title="mIoU of one image, %")
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return base(figure, height=90 + 90 * len(scores), top=8)


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


def _head_room(figure: go.Figure) -> float:
    """Room on the right for the numbers beside the bars."""
    longest = max((max(trace.x, default=0.0) for trace in figure.data), default=0.0)
    return max(1.0, longest * 1.22)
