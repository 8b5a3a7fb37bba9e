"""Charts: the numbers that reach the reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from front import charts


def test_rows_of_a_confusion_matrix_add_up_to_a_hundred() -> None:
    rows = charts.row_percent([[3, 1], [0, 0]])
    assert rows == [[75.0, 25.0], [None, None]]


def test_a_heatmap_of_changes_leaves_agreement_out_by_name() -> None:
    figure = charts.confusion_heatmap(
        [[9, 1], [2, 8]], ["sky", "road"], ["road", "sky"], rows="A", columns="B", dark=True, only_changes=True
    )
    assert [list(row) for row in figure.data[0].z] == [[90.0, None], [None, 80.0]]
    assert figure.data[0].text[0][0] == "90"


Points = st.lists(st.tuples(st.floats(1, 500), st.floats(0, 1)), min_size=1, max_size=12)


@settings(deadline=None)
@given(Points)
def test_the_pareto_front_holds_exactly_what_nothing_beats(points: list[tuple[float, float]]) -> None:
    front = charts.pareto_front(points)
    assert front == sorted(front)
    for ms, score in points:
        beaten = any((m <= ms and s >= score) and (m, s) != (ms, score) for m, s in points)
        assert ((ms, score) in front) == (not beaten)


def test_shares_are_written_beside_their_bars() -> None:
    figure = charts.share_bars({"segformer": {"road": 0.25, "sky": 0.75}}, {"segformer": "#123456"})
    assert list(figure.data[0].text) == ["25.0 %", "75.0 %"]
    assert figure.data[0].name == "SegFormer"


def test_latency_stacks_the_stages() -> None:
    figure = charts.latency_bars({"a": {"decode": 1.0, "infer": 5.0, "total": 6.0}})
    assert [trace.name for trace in figure.data] == list(charts.STAGES)
    assert sum(trace.x[0] for trace in figure.data) == pytest.approx(6)


def test_differences_without_an_interval_have_no_bars() -> None:
    bare = charts.difference_dots([("mean", 1.0, None, None)], "points")
    sure = charts.difference_dots([("mean", 1.0, 0.5, 2.0)], "points")
    assert bare.data[0].error_x.array is None
    assert (sure.data[0].error_x.array[0], sure.data[0].error_x.arrayminus[0]) == (1.0, 0.5)
