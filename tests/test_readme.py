"""What the READMEs tell people to type works."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from back.main import create_app
from modelisation.__main__ import make_parser
from modelisation.scenes.render import render_scene
from tests.api import Store, empty_database, listening, shared_store, trusted, wait_until
from tests.bundles import png_bytes
from tests.clips import make_clip, moving_stripes
from tests.labelled import pairs, zipped

__all__ = ["empty_database", "shared_store", "trusted"]

ROOT = Path(__file__).parents[1]
TIERS = ("back", "front", "modelisation")
READMES = [
    ROOT / name
    for name in (
        "README.md", "SECURITY.md", "docs/annotation-tools.md", "docs/catalogue.md", "docs/deployment.md",
        "docs/performance.md", "docs/scale.md",
        *(f"{tier}/README.md" for tier in TIERS),
    )
]  # fmt: skip
_SOURCES = (".py", ".ipynb", ".toml", ".yaml", ".yml", ".sh")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def live_api(shared_store: Store) -> Iterator[str]:
    """A real server with models named as in the README."""
    with listening(create_app(shared_store.settings())) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).ok, "the API to be ready")
        yield url


@pytest.fixture
def street_photo() -> bytes:
    return png_bytes(render_scene(1, 96, 160).image)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (p.name, code)
        for p in READMES
        for lang, code in _BLOCK.findall(p.read_text(encoding="utf-8"))
        if lang == language
    ]


def inline_code(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", _BLOCK.sub("", page.read_text(encoding="utf-8"))))


def commands(prefix: str) -> list[str]:
    lines = [line for _, code in blocks("bash") + blocks("") for line in code.splitlines()]
    inline = [code for p in READMES for code in inline_code(p)]
    return sorted({line.split("  #")[0].strip() for line in lines + inline if line.startswith(prefix)})


@pytest.mark.parametrize("command", commands("make "))
def test_every_make_command_names_a_target(command):
    target = shlex.split(command)[1]
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    assert re.search(rf"^  {re.escape(target)} ", help_text, re.MULTILINE), f"{target} is not in `make help`"


@pytest.mark.parametrize("command", commands("python -m modelisation "))
def test_every_modelisation_command_is_accepted_by_its_parser(command):
    arguments = [a for a in shlex.split(command)[3:] if a != "COMMAND"]
    if arguments:
        assert make_parser().parse_args(arguments).command == arguments[0]


@pytest.mark.parametrize("command", commands("torchrun ") + commands("accelerate launch "))
def test_every_launch_of_several_processes_is_accepted_by_its_launcher(command):
    from accelerate.commands.launch import launch_command_parser
    from torch.distributed.run import get_args_parser

    program, *arguments = shlex.split(command)
    parser = get_args_parser() if program == "torchrun" else launch_command_parser()
    launch = parser.parse_args(arguments[program == "accelerate" :])
    assert launch.module
    assert launch.training_script == "modelisation"
    if launch.training_script_args != ["train", "…"]:
        assert make_parser().parse_args(launch.training_script_args).command == "train"


@pytest.mark.parametrize(("name", "code"), blocks("python"))
def test_every_python_block_runs_against_the_api(name, code, live_api, shared_store, street_photo, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(street_photo)
    code = code.replace("http://localhost:8000", live_api)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": shared_store.uri, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"road +\d+\.\d%", done.stdout)


JOBS = [command for command in commands("curl ") if "/videos" in command or "/evaluations" in command]


@pytest.mark.parametrize("command", JOBS)
def test_every_curl_command_of_a_job_makes_one(command, live_api, tmp_path):
    make_clip(tmp_path / "clip.mp4", moving_stripes(2))
    (tmp_path / "photos.zip").write_bytes(zipped(pairs(2)))
    arguments = shlex.split(command.replace("http://localhost:8000", live_api))
    done = subprocess.run(
        [arguments[0], "--fail-with-body", "-sS", *arguments[1:]],
        cwd=tmp_path, check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    job = f"{live_api}/jobs/{json.loads(done.stdout)['id']}"
    wait_until(lambda: requests.get(job, timeout=5).json()["state"] == "done", "the job to be done", 60)
    assert requests.delete(job, timeout=5).status_code == 204


@pytest.mark.parametrize("command", [command for command in commands("curl ") if command not in JOBS])
def test_every_curl_command_writes_a_mask(command, live_api, street_photo, tmp_path):
    from PIL import Image

    (tmp_path / "photo.jpg").write_bytes(street_photo)
    arguments = shlex.split(command.replace("http://localhost:8000", live_api))
    subprocess.run([arguments[0], "--fail-with-body", "-sS", *arguments[1:]], cwd=tmp_path, check=True, timeout=120)
    with Image.open(tmp_path / "mask.png") as mask, Image.open(tmp_path / "photo.jpg") as photo:
        assert mask.mode == "P"
        assert mask.size == photo.size


@pytest.mark.parametrize("path", READMES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_into_the_repository_leads_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    missing = [t for t in links if not t.startswith("http") and not (path.parent / t).exists()]
    assert missing == []


def names_a_source(code: str, page: Path) -> bool:
    """Whether it is written like a file or folder of the repository: from its root, or from the page's folder."""
    if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)*/?", code):
        return False
    first, slash, _ = code.partition("/")
    roots = {*TIERS, "docs", "tests"}
    if page.parent != ROOT:
        roots |= {path.name for path in page.parent.iterdir() if path.is_dir()}
    return code.endswith(_SOURCES) or (bool(slash) and first in roots)


@pytest.mark.parametrize("path", READMES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_exists(path: Path) -> None:
    named = {code for code in inline_code(path) if names_a_source(code, path)}
    assert [code for code in sorted(named) if not (ROOT / code).exists() and not (path.parent / code).exists()] == []


@pytest.mark.parametrize(
    ("code", "is_source"),
    [
        ("back/runtime/gone.py", True),
        ("gone.py", True),
        ("modelisation/gone/", True),
        ("model.json", False),
        ("/predict", False),
        ("store/mlflow.db", False),
        ("loss.ohem", False),
    ],
)
def test_files_of_the_repository_are_told_from_other_names(code: str, is_source: bool) -> None:
    assert names_a_source(code, ROOT / "README.md") is is_source


@pytest.mark.parametrize("tier", TIERS)
def test_the_page_of_a_tier_says_what_is_in_each_of_its_folders(tier: str) -> None:
    rooms = {init.parent.relative_to(ROOT / tier).as_posix() for init in (ROOT / tier).rglob("*/__init__.py")}
    named = inline_code(ROOT / tier / "README.md")
    assert rooms
    assert [room for room in sorted(rooms) if f"{room}/" not in named] == []
