import pytest

from back.settings import Settings, SettingsError, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"STREETSEG_{name.upper()}", raising=False)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.ui_url == settings.mlflow_tracking_uri == "http://127.0.0.1:5000"


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETSEG_MAX_IMAGE_MB", "0.5")
    monkeypatch.setenv("STREETSEG_MAX_IMAGE_MEGAPIXELS", "2.5")
    monkeypatch.setenv("STREETSEG_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings()
    assert (settings.max_body_bytes, settings.max_pixels) == (500_000, 2_500_000)
    assert settings.cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("name", ["THREADS", "PIXEL_BUDGET", "DEFAULT_MODEL", "MLFLOW_UI_URL", "DATASET_DIR"])
def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"STREETSEG_{name}", "")
    assert getattr(load_settings(), name.lower()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ENGINE", "tensorrt"),
        ("PRECISION", "int4"),
        ("THREADS", "0"),
        ("MAX_QUEUE", "-1"),
        ("MAX_IMAGE_MB", "0"),
        ("PIXEL_BUDGET", "5"),
        ("MAX_UPLOADS_MB", "31"),
        ("MAX_JOBS_MB", "300"),
        ("MAX_VIDEO_MINUTES", "0"),
        ("RATE_PER_KEY", "many"),
        ("SLOW_SECONDS", "0"),
        ("LOG_FORMAT", "xml"),
        ("RELOAD_SECONDS", "0"),
        ("MLFLOW_TRACKING_URI", ""),
        ("DATASET_DIR", "/nowhere/camvid"),
        ("LABEL_STUDIO_URL", "label-studio:8080"),
        ("LABEL_STUDIO_URL", "ftp://label-studio"),
        ("LABEL_STUDIO_URL", "http://me:secret@label-studio"),
        ("LABEL_STUDIO_URL", "http://label-studio/a"),
        ("LABEL_STUDIO_URL", "http://label-studio:99999"),
    ],
)
def test_wrong_value_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"STREETSEG_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert sentence.startswith(f"STREETSEG_{name}={value}: ")
    assert "\n" not in sentence


def test_misspelt_variables_are_found_and_the_dashboards_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETSEG_PROT", "1")
    monkeypatch.setenv("STREETSEG_API_URL", "http://127.0.0.1:8000")
    assert "STREETSEG_PROT" in unknown_variables()
    assert "STREETSEG_API_URL" not in unknown_variables()


def test_a_store_that_is_no_server_has_no_pages() -> None:
    assert Settings(mlflow_tracking_uri="sqlite:///mlflow.db").ui_url is None
    assert Settings(mlflow_tracking_uri="http://mlflow:5000", mlflow_ui_url="http://here/").ui_url == "http://here"


def test_a_clip_may_be_no_larger_than_all_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETSEG_MAX_UPLOADS_MB", "40")
    assert load_settings().max_video_bytes == 40_000_000


def test_jobs_lie_in_the_cache_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().jobs_path == load_settings().cache_dir / "jobs"
    monkeypatch.setenv("STREETSEG_JOBS_DIR", "/var/jobs")
    assert str(load_settings().jobs_path) == "/var/jobs"


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("HTTP://Label-Studio:80/", "http://label-studio"),
        ("https://a.example:443", "https://a.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_label_studios_address_is_written_one_way(value: str, origin: str) -> None:
    assert Settings(label_studio_url=value).label_studio_url == origin
