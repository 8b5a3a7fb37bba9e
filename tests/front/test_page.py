"""What all pages share: that each says what is wrong with the API and comes back, settings and names."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from back.settings import Settings
from front import page
from front.api import models
from front.photos.uploads import UPLOAD_MB
from front.ui.names import display_name, shorten
from front.video.intake import CLIP_MB
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi, Mode
from tests.front.segment.test_view import texts

FRONT = Path(__file__).resolve().parents[2] / "front"


ALL = ["segment", "compare", "benchmark", "runs", "about"]


@pytest.mark.parametrize("name", ALL)
def test_every_page_says_once_that_the_api_is_starting_and_comes_back(
    name: str, open_page: OpenPage, api: FakeApi
) -> None:
    api.mode = "starting"
    app = open_page(name)
    said = [w.value for w in app.warning]
    assert [text.startswith("**The API is getting ready.** The models are being loaded") for text in said] == [True]
    assert not app.info
    api.mode = "ok"
    app.run()
    assert not app.exception
    assert "The API" not in texts(app.warning)


@pytest.mark.parametrize("name", ALL)
def test_every_page_says_what_to_do_when_nothing_answers(
    name: str, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREETSEG_API_URL", "http://127.0.0.1:9")
    app = open_page(name)
    (said,) = [w.value for w in app.warning]
    assert "Nothing answers at http://127.0.0.1:9. Start it with `make demo`" in said


@pytest.mark.parametrize("name", ["segment", "benchmark", "about"])
@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("empty", "**The API has no model to answer with.** MLflow at http://mlflow:5000 holds no model; register"),
        ("cut_off", "**The API cannot read from MLflow.** MLflow at http://mlflow:5000 does not answer; start it"),
    ],
)
def test_the_reason_is_the_api_s_own(name: str, mode: Mode, reason: str, open_page: OpenPage, api: FakeApi) -> None:
    api.mode = mode
    app = open_page(name)
    (said,) = [w.value for w in app.warning]
    assert said.startswith(reason)


@pytest.mark.parametrize("name", ["benchmark", "about"])
def test_while_the_second_model_loads_the_first_is_shown(name: str, open_page: OpenPage, api: FakeApi) -> None:
    api.mode = "half"
    app = open_page(name)
    assert texts(app.warning).count("segformer is being loaded") == 1
    assert not app.info
    assert app.dataframe
    api.mode = "ok"
    app.run()
    assert not app.exception
    assert "loaded" not in texts(app.warning)


@pytest.mark.parametrize("name", ["benchmark", "about"])
def test_a_model_registered_later_is_waited_for_and_joins(name: str, open_page: OpenPage, api: FakeApi) -> None:
    api.mode = "joining"
    app = open_page(name)
    assert "**SegFormer** is being loaded. It joins by itself." in texts(app.info)
    api.mode = "ok"
    app.run()
    assert not app.exception
    assert not app.info


def test_a_model_that_cannot_be_loaded_is_named_with_the_reason(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = api.answer

    def broken(path: str, query: dict[str, str], files: dict[str, bytes]) -> Any:
        answer = real(path, query, files)
        if path == "/models":
            answer["models"][1] |= {"ready": False, "error": "segformer/1 cannot be served: its file is cut off"}
        return answer

    monkeypatch.setattr(api, "answer", broken)
    app = open_page("benchmark")
    assert "**SegFormer** is not served: segformer/1 cannot be served: its file is cut off" in texts(app.warning)


def test_a_list_of_models_that_may_be_out_of_date_says_so(open_page: OpenPage, api: FakeApi) -> None:
    api.stale_s = 500.0
    said = texts(open_page("benchmark").caption)
    assert "MLflow does not answer. These are the models of 8 min ago; they work as before" in said


def test_a_list_of_models_that_is_up_to_date_says_nothing(open_page: OpenPage) -> None:
    assert "MLflow does not answer" not in texts(open_page("benchmark").caption)


def test_a_model_keeps_its_colour_while_another_is_away(open_page: OpenPage, api: FakeApi) -> None:
    full = page.colours_of_models()
    api.mode = "half"
    models.models.clear()
    assert page.colours_of_models() == full
    assert full["deeplabv3plus"] != full["segformer"]


def test_the_configuration_keeps_to_this_machine_and_sends_no_statistics() -> None:
    config = tomllib.loads((FRONT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["address"] == "127.0.0.1"
    assert config["client"]["showErrorDetails"] == "none"


def test_a_photo_may_be_as_large_as_the_api_takes_it() -> None:
    assert Settings.model_fields["max_image_mb"].default == UPLOAD_MB


def test_a_clip_may_be_as_large_as_the_api_takes_it() -> None:
    config = tomllib.loads((FRONT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == CLIP_MB == Settings.model_fields["max_video_mb"].default


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
        allowed = path == FRONT / "photos" / "uploads.py"  # nothing public lets go of an uploaded file
        assert "streamlit.runtime" not in text or allowed, path


def test_names_are_written_for_people() -> None:
    assert [display_name(n) for n in ("deeplabv3plus", "segformer-b2", "mine")] == [
        "DeepLabV3+",
        "SegFormer-b2",
        "mine",
    ]
    assert shorten("a" * 50, 11) == "aaaaa…aaaaa"
    assert shorten("short.jpg") == "short.jpg"
