"""The pinned requirements: compiled from the short .in files under one set of versions; no torch for serving."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("back", "front", "modelisation/mlflow_server", "modelisation", "tests")
SERVING = FOLDERS[:3]


def pins_of(path: Path) -> dict[str, str]:
    """Canonical name -> exact version of every line that is no comment."""
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9_.-]+)==(\S+)", line)
            assert match, f"{path}: {line!r} is no exact pin"
            pins[canonicalize_name(match[1])] = match[2]
    return pins


def asked_for(path: Path) -> list[Requirement]:
    """The requirements of a .in file and of those that it includes."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += asked_for(path.parent / line[3:].strip())
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_tier_takes_its_versions_from_the_shared_constraints(folder: str) -> None:
    constraints = pins_of(ROOT / ".ci" / "constraints.txt")
    pins = pins_of(ROOT / folder / "requirements.txt")
    assert pins
    assert {name: constraints.get(name) for name in pins} == pins


@pytest.mark.parametrize("folder", FOLDERS)
def test_everything_asked_for_is_pinned(folder: str) -> None:
    pins = pins_of(ROOT / folder / "requirements.txt")
    for requirement in asked_for(ROOT / folder / "requirements.in"):
        version = pins.get(canonicalize_name(requirement.name))
        fits = version is not None and requirement.specifier.contains(version, prereleases=True)
        assert fits, f"{folder}: {requirement} is pinned as {version}; run make lock"


def test_the_full_environment_holds_every_tier() -> None:
    full = pins_of(ROOT / "tests" / "requirements.txt")
    for folder in FOLDERS:
        assert pins_of(ROOT / folder / "requirements.txt").items() <= full.items()


@pytest.mark.parametrize("folder", SERVING)
def test_serving_needs_no_torch(folder: str) -> None:
    heavy = re.compile(r"torch|nvidia|cuda|triton|transformers|segmentation-models|timm|accelerate")
    assert not [name for name in pins_of(ROOT / folder / "requirements.txt") if heavy.search(name)]


def test_cuda_libraries_are_pinned_but_come_only_with_torch() -> None:
    cuda = re.compile(r"(nvidia|cuda)-|triton$")
    assert [name for name in pins_of(ROOT / ".ci" / "constraints.txt") if cuda.match(name)]
    assert not [name for name in pins_of(ROOT / "tests" / "requirements.txt") if cuda.match(name)]


def test_no_file_names_a_package_index() -> None:
    files = [ROOT / ".ci" / "constraints.txt", *(ROOT / folder / "requirements.txt" for folder in FOLDERS)]
    assert not [
        str(file)
        for file in files
        if re.search(r"https?://|--(index|extra|find|trusted)", file.read_text(encoding="utf-8"))
    ]
