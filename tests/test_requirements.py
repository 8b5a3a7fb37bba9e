"""The pinned requirements: compiled from the short .in files under one set of versions; no torch for serving."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    *("back", "front", "modelisation/mlflow_server"),
    *("back/replicas", "modelisation", "modelisation/labelling", "tests"),
)
SERVING = FOLDERS[:3]
# Wanted by few, and in no other tier: their pins agree with the shared ones where both have a package.
EXTRAS = ("modelisation/export/int8", "tests/benchmarks", "back/gpu")
HASHED = (*(f"{folder}/requirements.txt" for folder in (*FOLDERS, ".ci/audit", *EXTRAS)), ".ci/cuda.txt")


def entries_of(path: Path) -> list[str]:
    """The requirements as lines, with the lines that continue them, without comments."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins_of(path: Path) -> dict[str, str]:
    """Canonical name -> exact version of every entry; an entry may be for some platforms only, and hashed."""
    pins = {}
    for entry in entries_of(path):
        requirement = Requirement(entry.split(" --hash")[0])
        match = re.fullmatch(r"==([^*]+)", str(requirement.specifier))
        assert match, f"{path}: {entry!r} is no exact pin"
        name = canonicalize_name(requirement.name)
        assert name not in pins, f"{path}: {name} is pinned twice"
        pins[name] = match[1]
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


@pytest.mark.parametrize("folder", EXTRAS)
def test_an_extra_installs_beside_the_other_tiers(folder: str) -> None:
    constraints = pins_of(ROOT / ".ci" / "constraints.txt")
    pins = pins_of(ROOT / folder / "requirements.txt")
    assert pins
    assert not [name for name in pins if constraints.get(name, pins[name]) != pins[name]]


@pytest.mark.parametrize("folder", [*FOLDERS, *EXTRAS])
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


@pytest.mark.parametrize("file", HASHED)
def test_pip_takes_no_file_whose_hash_is_not_written_down(file: str) -> None:
    # One hash makes pip ask for that of every file that it installs; one entry without would make it refuse all.
    for entry in entries_of(ROOT / file):
        assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", entry), f"{file}: {entry!r}; run make lock"


def test_a_file_of_another_content_is_refused(tmp_path: Path) -> None:
    name = "six-1.17.0-py2.py3-none-any"
    entry = next(
        entry for entry in entries_of(ROOT / "tests" / "requirements.txt") if entry.startswith("six==1.17.0")
    )
    (tmp_path / "requirements.txt").write_text(entry, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / f"{name}.whl", "w") as wheel:
        wheel.writestr("six.py", "")
        wheel.writestr("six-1.17.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
        wheel.writestr("six-1.17.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n")
        wheel.writestr("six-1.17.0.dist-info/RECORD", "")
    options = ["--no-index", "--find-links", tmp_path, "--no-deps", "--target", tmp_path / "site"]
    result = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "-r", tmp_path / "requirements.txt"],
        env={key: value for key, value in os.environ.items() if not key.startswith("PIP_")},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert result.returncode == 1
    assert "DO NOT MATCH THE HASHES" in result.stderr


HEAVY = r"torch|nvidia|cuda|triton|transformers|segmentation-models|timm|accelerate"


@pytest.mark.parametrize("folder", [*SERVING, "back/replicas", "modelisation/labelling"])
def test_serving_and_labelling_need_no_torch(folder: str) -> None:
    assert not [name for name in pins_of(ROOT / folder / "requirements.txt") if re.search(HEAVY, name)]


@pytest.mark.parametrize("folder", [*SERVING, "modelisation"])
def test_ray_is_for_clusters_alone(folder: str) -> None:
    assert "ray" not in pins_of(ROOT / folder / "requirements.txt")
    for cluster in ("modelisation/labelling", "back/replicas"):
        assert "ray" in pins_of(ROOT / cluster / "requirements.txt")


def test_cuda_libraries_are_pinned_apart_and_for_linux_only() -> None:
    cuda = re.compile(r"(nvidia|cuda)-|triton$")
    apart = pins_of(ROOT / ".ci" / "cuda.txt")
    pinned = pins_of(ROOT / ".ci" / "constraints.txt")
    assert apart == {name: version for name, version in pinned.items() if cuda.match(name)}
    assert apart
    assert not [name for name in pins_of(ROOT / "tests" / "requirements.txt") if cuda.match(name)]
    for entry in entries_of(ROOT / ".ci" / "cuda.txt"):
        marker = Requirement(entry.split(" --hash")[0]).marker
        assert marker is not None
        assert not marker.evaluate({"sys_platform": "darwin", "platform_machine": "arm64"})


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_what_is_pinned_serves_and_trains_on_later_pythons_too(version: str) -> None:
    # A pin may be for some Pythons only; each package that is asked for is pinned for all of ours.
    later = {"python_version": version, "python_full_version": f"{version}.1"}
    for folder in FOLDERS:
        pins = {}
        for entry in entries_of(ROOT / folder / "requirements.txt"):
            requirement = Requirement(entry.split(" --hash")[0])
            if requirement.marker is None or requirement.marker.evaluate(later):
                pins[canonicalize_name(requirement.name)] = requirement
        assert not [r for r in asked_for(ROOT / folder / "requirements.in") if canonicalize_name(r.name) not in pins]


def test_no_file_names_a_package_index() -> None:
    files = [ROOT / ".ci" / "constraints.txt", *(ROOT / file for file in HASHED)]
    assert not [
        str(file)
        for file in files
        if re.search(r"https?://|--(index|extra|find|trusted)", file.read_text(encoding="utf-8"))
    ]
