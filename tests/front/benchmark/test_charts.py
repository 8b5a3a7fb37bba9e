"""Figures of the Benchmark page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from front.benchmark import charts
from front.ui.charts import difference_dots

Points = st.lists(st.tuples(st.floats(1, 500), st.floats(0, 1)), min_size=1, max_size=12)


@settings(deadline=None)
@given(Points)
def test_the_pareto_front_holds_exactly_what_nothing_beats(points: list[tuple[float, float]]) -> None:
    front = charts.pareto_front(points)
    assert front == sorted(front)
    for ms, score in points:
        beaten = any((m <= ms and s >= score) and (m, s) != (ms, score) for m, s in points)
        assert ((ms, score) in front) == (not beaten)


def test_differences_without_an_interval_have_no_bars() -> None:
    bare = difference_dots([("mean", 1.0, None, None)], "points")
    sure = difference_dots([("mean", 1.0, 0.5, 2.0)], "points")
    assert bare.data[0].error_x.array is None
    assert (sure.data[0].error_x.array[0], sure.data[0].error_x.arrayminus[0]) == (1.0, 0.5)


def test_names_in_the_plane_point_to_the_middle_and_away_from_each_other() -> None:
    points = [("slow", 100.0, 0.7), ("fast", 10.0, 0.6), ("middle", 60.0, 0.65)]
    figure = charts.pareto(points, dict.fromkeys(("slow", "fast", "middle"), "#123456"), "ms")
    places = {trace.text[0]: trace.textposition for trace in figure.data if trace.text}
    assert places == {"fast": "top right", "middle": "bottom left", "slow": "top left"}


def test_the_line_of_the_best_can_be_seen_with_one_best_model_too() -> None:
    figure = charts.pareto([("best", 10.0, 0.8), ("other", 20.0, 0.7)], {"best": "#123456", "other": "#654321"}, "ms")
    line = figure.data[0]
    assert (line.x[0], line.y[0]) == (10.0, 80.0)
    assert (line.x[-1], line.y[-1]) == (figure.layout.xaxis.range[1], 80.0)
