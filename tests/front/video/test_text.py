"""What is said of a clip and of a job."""

import pytest

from front.video.text import clip_facts, clock, progress_words

RUNNING = {"state": "running", "frames": 10, "progress": 0.25, "images_per_s": 12.5, "seconds_left": 90.0}


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00.0"), (3.26, "0:03.2"), (59.99, "0:59.9"), (65, "1:05")])
def test_times_are_told_as_a_player_does(seconds: float, told: str) -> None:
    assert clock(seconds) == told


def test_a_clip_whose_header_says_little_is_told_without_the_rest() -> None:
    full = {"width": 640, "height": 360, "seconds": 12.0, "frames": 1300, "codec": "H.264", "sound": True}
    assert clip_facts(full) == "640 × 360 pixels · 0:12.0 · 1,300 frames · H.264"
    assert clip_facts(full | {"seconds": None, "frames": None}) == "640 × 360 pixels · H.264"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "25% · 12.5 images/s · 2 min left"),
        ({"progress": None, "images_per_s": None, "seconds_left": None}, "10 frames"),
        ({"state": "queued", "ahead": 0}, "begins in a moment"),
        ({"state": "queued", "ahead": 1}, "waits for 1 other clip"),
        ({"state": "queued", "ahead": 2}, "waits for 2 other clips"),
        ({"state": "done", "frames": 1300}, "done, 1,300 frames"),
        ({"state": "failed"}, "failed"),
    ],
)
def test_progress_is_told_in_a_few_words(change: dict[str, object], told: str) -> None:
    assert progress_words(RUNNING | change) == told
