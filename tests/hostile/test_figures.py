"""The figures of a run are one line for each attack."""

import pytest

from tests.hostile import figures


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_figures", {})


def test_calls_of_one_name_are_one_line_of_sums_and_largest() -> None:
    figures.figure("odd files", tried=1500, refused=1400, worst_s=0.25, worst_mb=300.0)
    figures.figure("odd files", tried=2, refused=1, errors_5xx=1, worst_s=0.125, worst_mb=1400.0)
    figures.figure("slow", tried=7, refused=7, worst_s=2.0, worst_mb=90.0, growth_percent=1.5)
    assert figures.lines() == [
        "odd files  tried 1,502, refused 1,401, 5xx 1, worst 0.25 s, worst 1,400 MB",
        "slow       tried 7, refused 7, 5xx 0, worst 2 s, worst 90 MB, growth 1.5 %",
    ]
