"""Each Dockerfile carried out without an engine: its COPYs fill a folder, its RUNs, CMD and HEALTHCHECK run there.

What stands in for the image is the serving environment's Python; pip only resolves what it would install.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.balancer import NGINX, write_configuration
from tests.bundles import make_bundle

ROOT = Path(__file__).resolve().parents[1]
SERVING_PYTHON = ROOT / ".venv-serve" / "bin" / "python"
DOCKERFILES = ("modelisation/mlflow_server/Dockerfile", "back/Dockerfile", "front/Dockerfile")
TRAINING = "modelisation/Dockerfile"
BALANCER = "back/replicas/Dockerfile"  # nginx, with no Python and no folder to write to


def instructions_of(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions in order, as (name, rest), with continued lines joined and comments left out."""
    lines = [
        line
        for line in (ROOT / dockerfile).read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


def all_of(dockerfile: str, name: str) -> list[str]:
    return [rest for instruction, rest in instructions_of(dockerfile) if instruction == name]


def first_image() -> str:
    """What the images start from: all from one."""
    return all_of(DOCKERFILES[0], "FROM")[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("__pycache__", "notebooks", "recipes", "bundled")}


@dataclass
class Image:
    """A folder with what the Dockerfile copies, and the environment that it sets, both moved to this machine."""

    dockerfile: str
    app: Path
    environment: dict[str, str]

    def shell(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.app,
            env={**self.environment, **more},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    @property
    def command(self) -> list[str]:
        words: list[str] = json.loads(all_of(self.dockerfile, "CMD")[-1])
        return words

    @property
    def health_check(self) -> str:
        return all_of(self.dockerfile, "HEALTHCHECK")[0].partition(" CMD ")[2]


def build(dockerfile: str, folder: Path) -> Image:
    app, programs, data = folder / "app", folder / "bin", folder / "data"
    app.mkdir()
    programs.mkdir()
    python = SERVING_PYTHON if SERVING_PYTHON.exists() and dockerfile != TRAINING else Path(sys.executable)
    # A link would lose the environment that the program belongs to.
    (programs / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n', encoding="utf-8")
    (programs / "python").chmod(0o755)
    settings = dict(pair.split("=", 1) for line in all_of(dockerfile, "ENV") for pair in shlex.split(line))
    settings = {key: value.replace("/data", str(data)) for key, value in settings.items()}
    port = str(free_port())
    settings |= {key: port for key in settings if key.endswith("_PORT")}
    settings |= {key: "127.0.0.1" for key, value in settings.items() if value == "0.0.0.0"}
    inherited = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "LANG", "LC_"))}
    search = f"{programs}:{os.environ['PATH']}"
    image = Image(dockerfile, app, {**inherited, **settings, "PATH": search, "PIP_DRY_RUN": "1", "PORT": port})
    for line in all_of(dockerfile, "COPY"):
        source, target = line.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, app / target, ignore=ignored, dirs_exist_ok=True)
        else:
            (app / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, app / target)
    return image


@pytest.fixture(scope="module", params=DOCKERFILES, ids=lambda name: Path(name).parent.name)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(request.param, tmp_path_factory.mktemp("image"))


@contextmanager
def serving(image: Image, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The image's CMD, started in its folder; ended afterwards with all that it started."""
    log = image.app.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            image.command,
            cwd=image.app,
            env={**image.environment, **more},
            executable=str(image.app.parent / "bin" / image.command[0]),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, 15)
            process.wait(20)


def wait_until_healthy(image: Image, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 200  # numba compiles from nothing, and other tests may be running
    while (checked := image.shell(image.health_check)).returncode:
        log = (image.app.parent / "log").read_text(encoding="utf-8")
        assert process.poll() is None, log
        assert time.monotonic() < deadline, checked.stderr + log
        time.sleep(0.5)


def test_every_run_succeeds(image: Image) -> None:
    for command in all_of(image.dockerfile, "RUN"):
        result = image.shell(command)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        if "pip install" in command:  # the serving environment holds what this tier pins, to the version
            assert "Would install" not in result.stdout
    assert (image.app.parent / "data").stat().st_mode & 0o1777 == 0o1777


def test_the_health_check_fails_while_nothing_runs(image: Image) -> None:
    assert image.shell(image.health_check).returncode == 1


def test_the_image_is_slim_pinned_and_not_run_by_root(image: Image) -> None:
    text = (ROOT / image.dockerfile).read_text(encoding="utf-8")
    assert re.findall(r"^FROM (.*)", text, re.MULTILINE) == [first_image()]
    assert re.fullmatch(r"python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", first_image())
    assert re.search(r"^# By digest as of \d{4}-\d\d-\d\d.*\nFROM ", text, re.M)
    user = all_of(image.dockerfile, "USER")
    assert len(user) == 1
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user[0])
    order = [name for name, _ in instructions_of(image.dockerfile)]
    assert order.index("USER") > max(i for i, name in enumerate(order) if name in ("COPY", "RUN"))


def test_everything_copied_is_let_through_to_the_build() -> None:
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    for dockerfile in (*DOCKERFILES, TRAINING, BALANCER):
        for line in all_of(dockerfile, "COPY"):
            for source in line.split()[:-1]:
                assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_the_balancer_s_image_is_pinned_and_its_commands_run(tmp_path: Path) -> None:
    text = (ROOT / BALANCER).read_text(encoding="utf-8")
    assert re.search(
        r"^# By digest as of \d{4}-\d\d-\d\d.*\nFROM nginx:1\.\d+-alpine@sha256:[0-9a-f]{64}\n", text, re.M
    )
    assert BALANCER in (ROOT / ".ci" / "images" / "pin.py").read_text(encoding="utf-8")
    assert [name for name, _ in instructions_of(BALANCER)][-4:] == ["USER", "EXPOSE", "HEALTHCHECK", "CMD"]
    (copied,) = all_of(BALANCER, "COPY")
    *sources, target = copied.split()
    command: list[str] = json.loads(all_of(BALANCER, "CMD")[0])
    assert command[command.index("-c") + 1] == f"{target}{Path(sources[0]).name}"
    with socket.create_server(("127.0.0.1", 0)) as replica:
        path, url = write_configuration(tmp_path, [replica.getsockname()[1]])
        process = subprocess.Popen([NGINX, *(str(path) if word.startswith(target) else word for word in command[1:])])
        try:
            replica.settimeout(20)
            check = shlex.join(json.loads(all_of(BALANCER, "HEALTHCHECK")[0].partition(" CMD ")[2]))
            check = check.replace("http://127.0.0.1:8000", url)
            looking = subprocess.Popen(["/bin/sh", "-c", f"until {check}; do sleep 0.1; done"])
            with replica.accept()[0] as connection:
                assert connection.recv(1000).startswith(b"GET /healthz ")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                assert looking.wait(20) == 0
        finally:
            process.terminate()
            process.wait(20)


def test_hadolint_finds_nothing_in_any_dockerfile() -> None:
    files = sorted(path for tier in ("back", "front", "modelisation") for path in (ROOT / tier).rglob("Dockerfile"))
    assert {ROOT / name for name in (*DOCKERFILES, TRAINING)} <= set(files)
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([hadolint, "--no-color", *files], capture_output=True, encoding="utf-8", timeout=60)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_the_image_for_training_installs_what_training_pins_and_explains_itself(tmp_path: Path) -> None:
    image = build(TRAINING, tmp_path)
    pip, data = all_of(TRAINING, "RUN")
    installed = image.shell(f"{pip} --quiet --report report.json", PIP_NO_DEPS="1")  # every one is listed
    assert installed.returncode == 0, installed.stderr
    # Where PyTorch is a CPU build its CUDA libraries are missing; everything else is here, to the version.
    report = json.loads((image.app / "report.json").read_text(encoding="utf-8"))
    missing = {found["metadata"]["name"] for found in report["install"]}
    assert not [name for name in missing if not re.match(r"(nvidia|cuda)-|triton$", name)]
    assert image.shell(data).returncode == 0
    words = json.loads(all_of(TRAINING, "ENTRYPOINT")[0]) + image.command
    told = image.shell(shlex.join(words))
    assert told.returncode == 0, told.stderr
    assert "usage: python -m modelisation train" in told.stdout
    assert all_of(TRAINING, "FROM") == [first_image()]
    assert [name for name, _ in instructions_of(TRAINING)][-3:] == ["USER", "ENTRYPOINT", "CMD"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_three_images_serve_together(tmp_path: Path) -> None:
    for name in ("mlflow", "back", "front"):
        (tmp_path / name).mkdir()
    mlflow, back, front = (
        build(file, tmp_path / name) for file, name in zip(DOCKERFILES, ("mlflow", "back", "front"), strict=True)
    )
    make_bundle(mlflow.app / "modelisation" / "bundled", name="shipped")
    for image in (mlflow, back, front):
        assert image.shell(all_of(image.dockerfile, "RUN")[-1]).returncode == 0  # the data folder
    tracking = f"http://127.0.0.1:{mlflow.environment['PORT']}"
    api = f"http://127.0.0.1:{back.environment['PORT']}"
    hosts = tracking.removeprefix("http://")
    with serving(mlflow, MLFLOW_SERVER_ALLOWED_HOSTS=hosts) as server:
        wait_until_healthy(mlflow, server)
        registered = mlflow.shell("python -m modelisation.registry.bundled", MLFLOW_TRACKING_URI=tracking)
        assert registered.returncode == 0, registered.stderr
        assert "shipped version 1 is registered" in registered.stdout
        with serving(back, STREETSEG_MLFLOW_TRACKING_URI=tracking) as service:
            wait_until_healthy(back, service)
        with serving(front, STREETSEG_API_URL=api) as dashboard:
            wait_until_healthy(front, dashboard)
