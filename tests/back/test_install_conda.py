"""The script for machines with conda, as it is. None can be had here: a stand-in for it notes what it is asked."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.back.test_install_app import ROOT, _environment
from tests.back.test_install_app import venv as borrowed

__all__ = ["borrowed"]

SCRIPT = ROOT / "back" / "install-conda.sh"
# Makes of the folder that it is told by --prefix what conda makes of it: an environment, and its notes.
STAND_IN = """#!/bin/sh
echo "$@" >>"{notes}"
[ -z "$FAILS" ] || {{ echo "PackagesNotFoundError" >&2; exit 1; }}
while [ "$1" != --prefix ]; do shift; done
cp -R "{venv}" "$2" && mkdir "$2/conda-meta"
# As if everything were installed, which test_install_app.py does.
sha256sum <back/requirements.txt >"$2/.installed"
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "asked"


@pytest.fixture
def conda(tmp_path: Path, notes: Path, borrowed: Path) -> str:
    command = tmp_path / "conda"
    command.write_text(STAND_IN.format(notes=notes, venv=borrowed), encoding="utf-8")
    command.chmod(0o755)
    return str(command)


def _run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *options], env=_environment(**environment), capture_output=True, encoding="utf-8", timeout=200
    )


def test_makes_an_environment_once_and_lets_the_other_script_install_into_it(
    tmp_path: Path, conda: str, notes: Path
) -> None:
    folder = tmp_path / "api"
    before = _run("--check", VENV=str(folder), CONDA=conda)
    assert before.returncode == 1
    assert before.stderr == f"install-conda.sh: {folder} is not made; run back/install-conda.sh --no-start\n"
    for _ in range(2):
        made = _run("--no-start", VENV=str(folder), CONDA=conda)
        assert made.returncode == 0, made.stderr
        assert f"{folder} is up to date." in made.stdout
    assert notes.read_text(encoding="utf-8").splitlines() == [
        f"create --yes --quiet --prefix {folder} --channel conda-forge --override-channels python=3.11 pip"
    ]


def test_a_folder_that_conda_did_not_make_is_left_alone(tmp_path: Path, conda: str, notes: Path) -> None:
    (tmp_path / "mine").mkdir()
    ended = _run("--no-start", VENV=str(tmp_path / "mine"), CONDA=conda)
    assert ended.returncode == 1
    assert "is there and is no environment of conda's" in ended.stderr
    assert not any((tmp_path / "mine").iterdir())
    assert not notes.exists()


def test_what_conda_refuses_is_said_and_nothing_is_installed(tmp_path: Path, conda: str, notes: Path) -> None:
    ended = _run("--no-start", VENV=str(tmp_path / "api"), CONDA=conda, CHANNEL="https://mirror.example", FAILS="1")
    assert ended.returncode == 1
    assert "PackagesNotFoundError" in ended.stderr
    assert f"{conda} could not make {tmp_path / 'api'} (its message is above)" in ended.stderr
    assert "--channel https://mirror.example" in notes.read_text(encoding="utf-8")
    assert not (tmp_path / "api").exists()


def test_missing_conda_is_one_sentence(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    ended = _run("--no-start", PATH=str(tmp_path), VENV=str(tmp_path / "api"), CONDA_EXE="")
    assert ended.returncode == 1
    assert "conda is missing; install micromamba, mamba or conda" in ended.stderr


def test_options_are_those_of_the_other_script() -> None:
    assert _run("--stat").stderr == "install-conda.sh: unknown option --stat; --help lists them\n"
    text = _run("--help").stdout
    assert text.startswith("Set up and start the API alone where Python comes from conda")
    assert "pipefail" not in text


def test_shellcheck_finds_nothing_in_any_script() -> None:
    scripts = [path for folder in ("back", ".ci") for path in sorted((ROOT / folder).rglob("*")) if _is_shell(path)]
    assert {SCRIPT, ROOT / "back" / "install-app.sh", ROOT / ".ci" / "run", ROOT / ".ci" / "lock"} <= set(scripts)
    shellcheck = Path(sys.executable).with_name("shellcheck")
    result = subprocess.run([shellcheck, *scripts], capture_output=True, encoding="utf-8", timeout=60)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def _is_shell(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:30].split(b"\n")[0] in (b"#!/usr/bin/env bash", b"#!/bin/sh")
