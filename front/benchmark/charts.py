"""Figures of the Benchmark page: differences, accuracy against time, and the spread over images."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from front.ui.charts import LINE, base, fold_title
from front.ui.names import display_name


def pareto(points: Sequence[tuple[str, float, float]], colours: Mapping[str, str], label: str) -> go.Figure:
    """Accuracy against latency: points of (model, milliseconds, mIoU fraction), and the line of the best.

    The line runs on to the right edge, so that there is one with a single best model too, and under it lies what is
    beaten.
    """
    low, high = min(m for _, _, m in points) * 100, max(m for _, _, m in points) * 100
    room = max(2.0, 0.35 * (high - low))
    bottom, top = max(0.0, low - room), min(100.0, high + room)
    slowest = max(ms for _, ms, _ in points)
    right = slowest * 1.1
    best = pareto_front([(ms, miou) for _, ms, miou in points])
    figure = go.Figure()
    figure.add_scatter(
        x=[*(ms for ms, _ in best), right],
        y=[*(100 * miou for _, miou in best), 100 * best[-1][1]],
        mode="lines",
        line={"dash": "dot", "color": LINE, "shape": "hv"},
        name="best for its time",
        hoverinfo="skip",
    )
    for place, (model, ms, miou) in enumerate(sorted(points, key=lambda p: p[1])):
        # Towards the middle, above and below in turn: long names are not cut at the edge nor lie on each other.
        side = f"{'bottom' if place % 2 else 'top'} {'right' if ms < slowest / 2 else 'left'}"
        figure.add_scatter(
            x=[ms],
            y=[100 * miou],
            mode="markers+text",
            marker={"size": 14, "color": colours[model]},
            text=[display_name(model)],
            textposition=side,
            name=display_name(model),
            showlegend=False,
            cliponaxis=False,
            hovertemplate="%{x:.0f} ms, mIoU %{y:.1f} %<extra>%{text}</extra>",
        )
    figure.update_xaxes(title=fold_title(label), range=[0, right])
    figure.update_yaxes(title="mIoU, %", range=[bottom, top])
    return base(figure, height=420)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (latency, accuracy) points that no other beats in both, fastest first."""
    front: list[tuple[float, float]] = []
    for ms, score in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or score > front[-1][1]:
            front.append((ms, score))
    return front


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
