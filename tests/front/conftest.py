"""Fixtures of the dashboard's tests: a fake API on a free port, a small photo, and one page run headless."""

import functools
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.front.fake_api import FakeApi

APP = Path(__file__).resolve().parents[2] / "front" / "app.py"
OpenPage = Callable[[str], AppTest]


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Streamlit asks every installed package for components at each start: half a second, and the same answer."""
    scan = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with FakeApi() as fake:
        monkeypatch.setenv("STREETSEG_API_URL", fake.url)
        yield fake


@pytest.fixture
def open_page(api: FakeApi) -> Iterator[OpenPage]:
    """Runs one page of the app against the fake API, with empty caches."""
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(name: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=60).run()
        if name != "segment":
            app.switch_page(f"{name}/view.py").run()
        assert not app.exception, app.exception
        return app

    yield opened
    st.cache_data.clear()
    st.cache_resource.clear()


def jpeg(height: int = 60, width: int = 120, seed: int = 0, orientation: int | None = None) -> bytes:
    """A noisy JPEG, optionally with an EXIF orientation."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()
