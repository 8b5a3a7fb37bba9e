"""The tables of folders and clips hold what was measured, and say so where nothing was."""

from pathlib import Path

from modelisation.reports.throughput import clip_lines, folder_lines, write_throughput


def test_what_was_measured_is_what_the_table_shows(tmp_path: Path) -> None:
    path = tmp_path / "clips.json"
    assert clip_lines(path) == ["Not measured yet: `make benchmark-clips`."]
    write_throughput(path, "a model in bf16, 75 frames", [["480x360", "31.0", "0.90 (0.88–0.93)", "61.0"]])
    lines = clip_lines(path)
    assert lines[2] == "| 480x360 | 31.0 | 0.90 (0.88–0.93) | 61.0 |"
    assert lines[-1].startswith("a model in bf16, 75 frames. ")
    assert folder_lines(tmp_path / "none.json") == ["Not measured yet: `make benchmark-folders`."]
