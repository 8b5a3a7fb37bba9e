"""The script for a bare server, as it is. Its environment borrows the tests' packages: nothing is fetched."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import requests

from tests.api import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "back" / "install-app.sh"


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


def _environment(**changes: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREETSEG_")}
    return clean | {"STREETSEG_PORT": str(free_port())} | changes


def _run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *options], env=_environment(**environment), capture_output=True, encoding="utf-8", timeout=200
    )


def test_installs_once_and_checks(venv: Path) -> None:
    before = _run("--check", VENV=str(venv))
    assert before.returncode == 1
    assert "run back/install-app.sh --no-start" in before.stderr
    first = _run("--no-start", VENV=str(venv))
    assert first.returncode == 0, first.stderr
    assert "Installing the API" in first.stdout
    second = _run("--no-start", VENV=str(venv))
    assert second.returncode == 0
    assert "up to date" in second.stdout
    store = f"sqlite:///{venv}/m.db"
    assert _run("--check", VENV=str(venv), STREETSEG_MLFLOW_TRACKING_URI=store).returncode == 0
    wrong = _run("--check", VENV=str(venv), STREETSEG_MLFLOW_TRACKING_URI="http://127.0.0.1:9", STREETSEG_PROT="1")
    assert wrong.returncode == 2
    assert "MLflow at http://127.0.0.1:9 does not answer" in wrong.stderr
    assert "Unknown setting STREETSEG_PROT is ignored" in wrong.stderr


def test_starts_the_api_and_ctrl_c_ends_it(venv: Path) -> None:
    environment = _environment(VENV=str(venv), STREETSEG_MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    process = subprocess.Popen(
        [SCRIPT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{environment['STREETSEG_PORT']}"
        wait_until(lambda: _answers(f"{url}/healthz"), "the API", 200)
        assert requests.get(f"{url}/readyz", timeout=5).status_code == 503
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert "Traceback" not in output


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"STREETSEG_PORT": "eighty"}, "STREETSEG_PORT=eighty"),
        ({"STREETSEG_HOST": "192.0.2.1"}, "set STREETSEG_HOST or STREETSEG_PORT to another"),
    ],
)
def test_start_with_a_wrong_setting_is_one_sentence(venv: Path, environment: dict[str, str], says: str) -> None:
    ended = _run(VENV=str(venv), **environment)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unknown_option_is_refused() -> None:
    ended = _run("--stat")
    assert ended.returncode == 1
    assert ended.stderr == "install-app.sh: unknown option --stat; --help lists them\n"


def test_help_is_the_heading_alone() -> None:
    text = _run("--help").stdout
    assert text.startswith("Set up and start the API alone")
    assert "--check" in text
    assert "pipefail" not in text


def test_missing_python_is_one_sentence(tmp_path: Path) -> None:
    # Only the tools that the script needs, so that no package manager is found either.
    for tool in ("bash", "cat", "dirname", "env", "id", "sed", "sha256sum"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    ended = _run("--no-start", PATH=str(tmp_path), VENV=str(tmp_path / "venv"))
    assert ended.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 with venv is missing" in ended.stderr
    assert not (tmp_path / "venv").exists()
