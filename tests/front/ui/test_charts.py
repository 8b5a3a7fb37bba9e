"""Charts: the numbers that reach the reader, and colours that everybody can tell apart."""

from itertools import combinations

import pytest

from front.ui import charts
from front.ui.charts import BETTER, WORSE
from tests.front.vision import VISION, difference

BACKGROUNDS = ("#ffffff", "#101615")  # of the light and the dark theme


def rgb_of(css: str) -> list[int]:
    return list(bytes.fromhex(css.removeprefix("#")))


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio of two colours."""

    def luminance(css: str) -> float:
        parts = [v / 255 for v in rgb_of(css)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_rows_of_a_confusion_matrix_add_up_to_a_hundred() -> None:
    rows = charts.row_percent([[3, 1], [0, 0]])
    assert rows == [[75.0, 25.0], [None, None]]


def test_a_heatmap_of_changes_leaves_agreement_out_by_name() -> None:
    figure = charts.confusion_heatmap(
        [[9, 1], [2, 8]], ["sky", "road"], ["road", "sky"], rows="A", columns="B", dark=True, only_changes=True
    )
    assert [list(row) for row in figure.data[0].z] == [[90.0, None], [None, 80.0]]
    assert figure.data[0].text[0][0] == "90"


def test_numbers_are_written_beside_their_bars() -> None:
    figure = charts.class_bars({"segformer": {"road": 0.25, "sky": 0.75}}, {"segformer": "#123456"})
    assert list(figure.data[0].text) == ["25.0 %", "75.0 %"]
    assert figure.data[0].name == "SegFormer"


def test_a_class_that_was_not_measured_has_no_bar_and_no_number() -> None:
    colours = {"a": "#123456", "b": "#654321"}
    figure = charts.class_bars({"a": {"road": None, "sky": 0.5}, "b": {"road": 0.5}}, colours, end=100)
    assert [list(bars.x) for bars in figure.data] == [[None, 50.0], [50.0, None]]
    assert [list(bars.text) for bars in figure.data] == [["", "50.0 %"], ["50.0 %", ""]]
    assert figure.layout.xaxis.range[1] > 110  # a bar of 100 % and its number


def test_latency_stacks_the_stages() -> None:
    figure = charts.latency_bars({"a": {"decode": 1.0, "infer": 5.0, "total": 6.0}})
    assert [trace.name for trace in figure.data] == list(charts.STAGES)
    assert sum(trace.x[0] for trace in figure.data) == pytest.approx(6)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [charts.MODEL_COLOURS, charts.STAGE_COLOURS, (BETTER, WORSE)])
def test_any_two_colours_of_a_chart_are_told_apart(colours: tuple[str, ...], vision: str) -> None:
    assert min(difference(rgb_of(a), rgb_of(b), vision) for a, b in combinations(colours, 2)) > 20


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_colour_stands_out_from_the_page(background: str) -> None:
    lines_and_dots = (*charts.MODEL_COLOURS, BETTER)
    assert min(contrast(c, background) for c in lines_and_dots) >= 3  # WCAG 2.2, 1.4.11
    assert min(contrast(c, background) for c in (*charts.STAGE_COLOURS, WORSE)) >= 1.6


@pytest.mark.parametrize(("dark", "background"), enumerate(BACKGROUNDS))
def test_letters_of_charts_can_be_read(dark: int, background: str) -> None:
    figure = charts.ink_figure(charts.latency_bars({"a": {"infer": 5.0}}), dark=bool(dark))
    letters = (figure.layout.font, figure.layout.legend.font, figure.layout.xaxis.tickfont)
    assert min(contrast(font.color, background) for font in letters) >= 4.5  # WCAG 2.2, 1.4.3


def test_a_model_has_its_colour_by_its_place_among_all() -> None:
    names = [f"m{i}" for i in range(7)]
    colours = charts.model_colours(names)
    assert len(set(colours.values())) == 6
    assert colours["m6"] == colours["m0"]


def test_a_long_axis_title_is_folded() -> None:
    assert charts.fold_title("end-to-end latency p50, milliseconds") == "end-to-end latency p50, milliseconds"
    assert charts.fold_title("IoU of SegFormer-b2-distilled less DeepLabV3+, points").count("<br>") == 1


def test_a_large_confusion_matrix_has_small_numbers() -> None:
    sizes = []
    for count in (8, 19):
        names = [str(i) for i in range(count)]
        figure = charts.confusion_heatmap([[1] * count] * count, names, names, rows="A", columns="B", dark=False)
        sizes.append(figure.data[0].textfont.size)
    assert sizes == [13, 9]
