"""The figures of a run are one line for each attack."""

import pytest

from tests.hostile import figures


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_figures", {})


def test_calls_of_one_name_are_one_line_of_sums_and_largest() -> None:
    figures.figure("odd files", tried=1500, errors_5xx=0, worst_s=0.25, peak_mb=300.0)
    figures.figure("odd files", tried=2, errors_5xx=0, worst_s=0.125, peak_mb=1400.0)
    figures.figure("slow", refused=7, growth_percent=1.5)
    assert figures.lines() == [
        "odd files  tried 1,502, errors 5xx 0, worst 0.25 s, peak 1,400 MB",
        "slow       refused 7, growth 1.5 %",
    ]
