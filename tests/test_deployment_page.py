"""docs/deployment.md says what the code says."""

import re
from pathlib import Path

import yaml

from back.settings import PREFIX, REPOSITORY, Settings
from front.api.predictions import CACHE_BYTES
from front.photos.album import SESSION_BYTES
from front.photos.picture import MAX_PIXELS
from front.photos.visitors import KEPT_BYTES, KEPT_SECONDS
from front.segment import files
from front.video import films
from front.video.intake import CLIP_MB

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_the_settings_table_lists_every_setting_with_its_default() -> None:
    told = re.findall(rf"^\| `({PREFIX}\w+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE)
    known = {}
    for name, field in Settings.model_fields.items():
        unset = field.default is None or field.default == ()
        known[PREFIX + name.upper()] = "not set" if unset else f"`{field.default}`"
    known[f"{PREFIX}CACHE_DIR"] = "`.cache` in the clone"
    assert Settings.model_fields["cache_dir"].default == REPOSITORY / ".cache"
    assert dict(told) == known


def test_its_upload_limits_are_those_of_the_services() -> None:
    api, dashboard = re.findall(r"client_max_body_size (\d+)m;", PAGE)
    assert int(api) == Settings.model_fields["max_image_mb"].default
    config = (ROOT / "front" / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert f"maxUploadSize = {dashboard}" in config


def test_its_memory_limits_are_those_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    mlflow, api, dashboard = (services[name]["mem_limit"].removesuffix("g") for name in ("mlflow", "back", "front"))
    assert f"{mlflow} GB for MLflow, {api} GB for the API and {dashboard} GB for the dashboard" in PAGE


def test_the_dashboard_s_limit_holds_what_visitors_may_need() -> None:
    session, everybody, cache, downloads = SESSION_BYTES, KEPT_BYTES, CACHE_BYTES, files.CACHE_BYTES
    decoded = 4 * MAX_PIXELS
    films_played, clip = films.CACHE_BYTES, CLIP_MB << 20
    for size in (*(n >> 20 for n in (session, everybody, cache, downloads, films_played, clip)), decoded // 10**6):
        assert f"{size} MB" in PAGE
    (minutes,) = re.findall(r"(\d+) minutes after a visitor has left", PAGE)
    assert int(minutes) * 60 == KEPT_SECONDS
    libraries = 150 * 10**6
    # Photos are there twice while they arrive: in Streamlit's upload and in the visitor's files.
    assert libraries + session + everybody + cache + downloads + decoded + films_played + clip < 2.5 * 2**30


def test_every_file_it_names_exists() -> None:
    names = re.findall(r"`((?:back|front|modelisation|docs)/[\w./-]+|docker-compose\.yml)`", PAGE)
    assert len(names) >= 4
    assert not [name for name in names if not (ROOT / name).exists()]
