"""What all pages share: waiting times, and that every page runs."""

import tomllib
from pathlib import Path

import pytest

from front.api import ApiError
from front.names import display_name, shorten
from front.page import wait_before
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi

FRONT = Path(__file__).resolve().parents[2] / "front"


@pytest.mark.parametrize("name", ["segment", "compare", "benchmark", "runs", "about"])
def test_every_page_says_when_the_api_is_down_and_comes_back(name: str, open_page: OpenPage, api: FakeApi) -> None:
    api.mode = "starting"
    app = open_page(name)
    assert not app.exception
    if name not in ("segment", "compare"):  # these ask the API once there is a photo
        assert "The API is starting" in app.warning[0].value
    api.mode = "ok"
    app.run()
    assert not app.exception
    assert not app.warning or "The API" not in app.warning[0].value


def test_a_busy_api_is_left_alone_for_the_time_it_asked() -> None:
    busy = ApiError("overloaded", "", retry_after=7)
    assert wait_before(busy, 1) == 7
    assert wait_before(ApiError("overloaded", ""), 1) == 3


def test_an_error_that_stays_is_tried_ever_more_rarely() -> None:
    waits = [wait_before(ApiError("failed", ""), n) for n in range(1, 8)]
    assert waits == [5, 10, 20, 40, 60, 60, 60]


def test_a_server_that_is_down_is_looked_for_often() -> None:
    assert {wait_before(ApiError("down", ""), n) for n in (1, 5, 50)} == {2}


def test_the_configuration_keeps_to_this_machine_and_sends_no_statistics() -> None:
    config = tomllib.loads((FRONT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["address"] == "127.0.0.1"
    assert config["client"]["showErrorDetails"] == "none"


def test_no_folder_is_taken_for_streamlit_s_own_pages() -> None:
    assert not (FRONT / "pages").exists()


def test_samples_are_small() -> None:
    samples = list((FRONT / "samples").glob("*.jpg"))
    assert len(samples) >= 3
    assert sum(path.stat().st_size for path in samples) < 1_000_000


def test_no_private_streamlit_names_are_used() -> None:
    for path in FRONT.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "st._" not in text, path
        assert "streamlit.runtime" not in text, path


def test_names_are_written_for_people() -> None:
    assert [display_name(n) for n in ("deeplabv3plus", "segformer-b2", "mine")] == [
        "DeepLabV3+",
        "SegFormer-b2",
        "mine",
    ]
    assert shorten("a" * 50, 11) == "aaaaa…aaaaa"
    assert shorten("short.jpg") == "short.jpg"
