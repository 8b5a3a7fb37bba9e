"""What every command is tried on: rendered scenes, a bundle that knows colours alone, and a store of its own."""

from pathlib import Path

import pytest

from modelisation.scenes.writer import write_scenes
from tests.api import empty_database, store
from tests.bundles import make_bundle

__all__ = ["empty_database", "store"]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes with labels, to read alone."""
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, {"val": 3}, 96, 160, 7)
    return root


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundles", pixel_budget=96 * 160)
