"""The tiers import one way, each starts without what it must not need, and its requirements say the same."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TIERS = ("back", "front", "modelisation")

# Runs first in a subprocess: these packages cannot be imported, as if they were not installed.
BLOCKED_IMPORTS = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)


@pytest.fixture
def copied_tiers(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for tier in TIERS:
        sources = shutil.ignore_patterns("__pycache__", "*.onnx", "*.safetensors", "*.png", "*.ipynb")
        shutil.copytree(ROOT / tier, tmp_path / tier, ignore=sources)
    return tmp_path


def test_the_tiers_import_only_what_they_may() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("place", "forbidden"),
    [
        ("back/runtime", "import torch"),
        ("back/routes", "from modelisation import taxonomy"),
        ("front/segment", "from back.runtime import card"),
        ("front/benchmark", "import mlflow"),
        ("front/compare", "from front.segment import csv"),
        ("front/viewer", "from front import page"),
        ("front/photos", "from front.viewer import canvas"),
        ("front/ui", "from front.api import client"),
        ("front/api", "from front.ui import names"),
        ("modelisation/data", "from back import settings"),
        ("modelisation", "import front.api.client"),
    ],
)
def test_a_planted_forbidden_import_is_found(copied_tiers: Path, place: str, forbidden: str) -> None:
    planted = copied_tiers / place / "planted.py"
    planted.write_text(f"def late():\n    {forbidden}\n", encoding="utf-8")
    result = lint_imports(copied_tiers)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{place.replace('/', '.')}.planted" in result.stdout


def test_training_imports_nothing_of_serving_but_the_runtime() -> None:
    graph = grimp.build_graph(*TIERS, cache_dir=None)
    imports = {
        (importer, imported)
        for importer in graph.find_descendants("modelisation") | {"modelisation"}
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.split(".")[0] == "back"
    }
    assert imports, "training and serving are meant to share back.runtime"
    assert not {pair for pair in imports if not re.match(r"back\.runtime(\.|$)", pair[1])}


@pytest.mark.parametrize("tier", [*TIERS, "tests"])
def test_every_folder_with_python_files_is_a_package(tier: str) -> None:
    folders = {file.parent for file in (ROOT / tier).rglob("*.py")}
    assert folders
    assert not [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()]


def packages_without(*folders: str) -> tuple[str, ...]:
    """Import names of everything that is installed here but not pinned in these tiers' requirements."""
    lines = [
        line
        for folder in folders
        for line in (ROOT / folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    ]
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    return tuple(
        package
        for package, owners in packages_distributions().items()
        if not pinned & {canonicalize_name(owner) for owner in owners}
    )


def modules_of(*folders: str) -> list[str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def import_without(blocked: tuple[str, ...], modules: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    code = f"BLOCKED = {blocked!r}{BLOCKED_IMPORTS}\n" + "\n".join(f"import {module}" for module in modules)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(home),
            "MPLCONFIGDIR": str(home),
            "NUMBA_CACHE_DIR": str(ROOT / ".cache" / "numba"),
        },
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_api_imports_with_its_own_requirements(tmp_path: Path) -> None:
    result = import_without((*packages_without("back"), "modelisation", "front"), modules_of("back"), tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_dashboard_imports_with_its_own_requirements(tmp_path: Path) -> None:
    # Pages and app.py are scripts that Streamlit runs; the import contract above covers what they name.
    scripts = re.compile(r"front\.(app|\w+\.view)$")
    modules = [name for name in modules_of("front") if not scripts.match(name)]
    result = import_without((*packages_without("front"), "back", "modelisation"), modules, tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_demo_imports_with_the_serving_requirements(tmp_path: Path) -> None:
    missing = packages_without("back", "front", "modelisation/mlflow_server")
    assert {"torch", "transformers", "segmentation_models_pytorch"} <= set(missing)
    result = import_without(missing, ["modelisation.demo.__main__", "modelisation.scenes"], tmp_path)
    assert result.returncode == 0, result.stderr


def test_registering_the_bundled_models_needs_no_more_than_the_mlflow_server(tmp_path: Path) -> None:
    modules = ["modelisation.registry.bundled", "mlflow"]
    result = import_without(packages_without("modelisation/mlflow_server"), modules, tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_blocked_import_fails(tmp_path: Path) -> None:
    result = import_without(("numpy",), ["numpy"], tmp_path)
    assert result.returncode == 1
    assert "No module named 'numpy'" in result.stderr
