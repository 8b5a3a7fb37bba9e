"""The table of labelling at scale: rates, and their shares of the bare engine's and the pool's, round by round."""

import json
from pathlib import Path

from modelisation.reports.scale import labelling_lines


def runs(*rates: float) -> list[dict[str, float]]:
    return [{"rate": rate, "first_s": 2.0, "seconds": 500 / rate} for rate in rates]


def test_shares_are_of_the_same_round(tmp_path: Path) -> None:
    report = {
        "date": "2026-01-02", "git_commit": "abcdef0123456789", "git_dirty": False, "packages": {"ray": "2"},
        "machine": {"processor": "a processor", "cores": 2},
        "labelling": {
            "model": "segformer", "rounds": 3, "photos": {"number": 500, "kind": "JPEG", "width": 480, "height": 360},
            "runs": {"bare engine": runs(10, 20, 40), "pool": runs(8, 18, 30), "Ray, 2 workers": runs(8, 9, 27)},
        },
    }  # fmt: skip
    (tmp_path / "scale.json").write_text(json.dumps(report), encoding="utf-8")
    lines = labelling_lines(tmp_path / "scale.json")
    assert lines[2].startswith("| bare engine | 20.0 (10.0–40.0) |  |  |  |")
    assert "| pool | 18.0 (8.0–30.0) | 0.80 (0.75–0.90) |  | 2.0 (2.0–2.0) |" in lines[3]
    assert "| Ray, 2 workers | 9.0 (8.0–27.0) | 0.68 (0.45–0.80) | 0.90 (0.50–1.00) |" in lines[4]
    assert "a processor, 2 cores; ray 2; 2026-01-02, code abcdef012345." in lines[-1]


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    assert labelling_lines(tmp_path / "none.json") == ["Not measured yet: `make benchmark-scale`."]
