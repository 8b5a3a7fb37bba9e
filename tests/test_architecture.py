"""The tiers import one way, each starts without what it must not need, and its requirements say the same."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

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


SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in SETTINGS["contracts"]]

# Contract -> imports that it must find, each written into the first module.
FORBIDDEN_IMPORTS = {
    "serving does not know training": [
        ("back.runtime.upsample", "torch"),
        ("back.routes.predict", "modelisation.recipe"),
    ],
    "the dashboard knows only the HTTP API": [
        ("front.ui.charts", "back.runtime.card"),
        ("front.benchmark.table", "mlflow"),
    ],
    "the dashboard's pages stand on photos, viewer and ui, and these on the API": [
        ("front.compare.who_is_right", "front.segment.csv"),
        ("front.viewer.canvas", "front.page"),
        ("front.photos.album", "front.viewer.canvas"),
        ("front.ui.charts", "front.api.client"),
        ("front.api.client", "front.ui.names"),
    ],
    "training uses the runtime, nothing else of serving": [
        ("modelisation.data.base", "back.settings"),
        ("modelisation.recipe", "front.api.client"),
    ],
    "layers of back": [
        ("back.registry", "back.pipeline"),
        ("back.runtime.card", "back.problems"),
    ],
    "layers of back.runtime": [
        ("back.runtime.masks.colour", "back.runtime.imaging"),
        ("back.runtime.card", "back.runtime.engines"),
    ],
    "layers of modelisation": [
        ("modelisation.data.base", "modelisation.models.base"),
        ("modelisation.evaluation.cost", "modelisation.figures.run"),
        ("modelisation.registry.versions", "modelisation.training.fit"),
        ("modelisation.reports.markdown", "modelisation.commands.arguments"),
    ],
    "layers of modelisation.training": [
        ("modelisation.training.samples.cache", "modelisation.training.setup"),
        ("modelisation.training.kernels.depthwise", "modelisation.training.samples.cache"),
    ],
    "layers of modelisation.scenes": [
        ("modelisation.scenes.paint.sky", "modelisation.scenes.plan.street"),
        ("modelisation.scenes.picture.lens", "modelisation.scenes.paint.sky"),
    ],
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = {**os.environ, "COLUMNS": "500"}  # its report is wrapped at the terminal's width
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract -> what `lint-imports` says of it when the code holds every import of FORBIDDEN_IMPORTS."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for tier in TIERS:
        sources = shutil.ignore_patterns("__pycache__", "*.onnx", "*.safetensors", "*.png", "*.jpg", "*.ipynb")
        shutil.copytree(ROOT / tier, folder / tier, ignore=sources)
    for importer, imported in (pair for pairs in FORBIDDEN_IMPORTS.values() for pair in pairs):
        with folder.joinpath(*importer.split(".")).with_suffix(".py").open("a", encoding="utf-8") as module:
            module.write(f"\n\ndef late():\n    import {imported}\n")
    result = lint_imports(folder)
    assert result.returncode == 1, result.stdout + result.stderr
    parts = re.split(r"^(.+)\n-{3,}$", result.stdout, flags=re.MULTILINE)  # headings are underlined
    return dict(zip((heading.strip() for heading in parts[1::2]), parts[2::2], strict=True))


def test_the_code_keeps_every_contract() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_forbidden_import_breaks_its_contract(complaints: dict[str, str], contract: str) -> None:
    assert FORBIDDEN_IMPORTS.get(contract), f"plant an import that {contract!r} forbids in FORBIDDEN_IMPORTS"
    for importer, imported in FORBIDDEN_IMPORTS[contract]:
        assert f"{importer} -> {imported} (l." in complaints[contract]


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
    modules = modules_of("back")
    modules.remove("back.ray_serve")  # has requirements of its own: back/replicas
    result = import_without((*packages_without("back"), "modelisation", "front"), modules, tmp_path)
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


def test_registering_the_bundled_models_and_moving_a_store_need_no_more_than_the_mlflow_server(
    tmp_path: Path,
) -> None:
    modules = [f"modelisation.registry.{name}" for name in ("bundled", "bucket", "to_postgresql")]
    modules += ["mlflow", "boto3", "psycopg"]
    result = import_without(packages_without("modelisation/mlflow_server"), modules, tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_blocked_import_fails(tmp_path: Path) -> None:
    result = import_without(("numpy",), ["numpy"], tmp_path)
    assert result.returncode == 1
    assert "No module named 'numpy'" in result.stderr
