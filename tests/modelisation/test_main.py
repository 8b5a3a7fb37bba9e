"""The command line: every command has help with an example, mistakes are one sentence, and bugs keep their trace."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from back.runtime.process import compiled_loops
from modelisation.__main__ import COMMANDS, main
from modelisation.commands import register
from modelisation.provenance import REPOSITORY

COMMAND_FILES = Path(register.__file__).parent


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    _, example = capsys.readouterr().out.split("example", 1)
    assert f"python -m modelisation {command} " in example


def test_every_command_has_a_file_of_its_own() -> None:
    files = {path.stem for path in COMMAND_FILES.glob("*.py")}
    assert files == {"__init__", "arguments", *COMMANDS}


def test_arguments_are_parsed_by_commands_and_entry_points_alone() -> None:
    room = COMMAND_FILES.parent
    parsing = {p.relative_to(room) for p in room.rglob("*.py") if "argparse" in p.read_text(encoding="utf-8")}
    allowed = {path.relative_to(room) for path in COMMAND_FILES.glob("*.py")}
    entries = {Path("__main__.py"), Path("demo/__main__.py")}
    entries |= {Path("registry") / name for name in ("bundled.py", "moved.py", "to_postgresql.py")}
    assert parsing - allowed == entries


def test_loops_that_are_not_compiled_yet_are_said_to_be_before_a_command_needs_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_loops, "SHARES", (("back.runtime.class_counts",),))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.chdir(REPOSITORY)
    nowhere = str(tmp_path / "nowhere")
    said = []
    for arguments in (
        ["register", nowhere],
        ["predict", nowhere, nowhere, "--out", nowhere],
        ["evaluate", nowhere, "--data", "."],
    ):
        main(arguments)
        said.append("Compiling loops for this machine" in capsys.readouterr().err)
    assert said == [False, True, False]  # the second compiles for the third


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "nowhere", "photo.jpg", "--out", "out"], "photo.jpg: no such file"),
        (["evaluate", "nowhere", "--data", "."], "nowhere"),
        (["register", "nowhere"], "nowhere/model.json: no such file"),
        (["scenes", "out", "--count", "0"], "wanted at least one scene"),
        (["export", "nowhere", "--data", "."], "nowhere/recipe.yaml: missing"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the clone may hold a photo.jpg, as the README's commands have it
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{arguments[0]}: ")
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_a_path_that_the_system_refuses_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(register, "run", lambda args: args.bundle.write_bytes(b""))
    assert main(["register", str(tmp_path / "folder")]) == 2
    assert capsys.readouterr().err == f"register: {tmp_path / 'folder'}: is a directory\n"


@pytest.mark.parametrize("arguments", [["--debug", "register", "nowhere"], ["register", "nowhere", "--debug"]])
def test_debug_shows_the_trace_of_a_mistake_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert re.fullmatch(r"register: nowhere/model\.json: no such file; .*", error.splitlines()[-1])


@pytest.mark.parametrize("bug", [ValueError("wrong"), RuntimeError("wrong"), KeyError("wrong")])
def test_a_bug_keeps_its_trace(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> int:
        raise bug

    monkeypatch.setattr(register, "run", broken)
    with pytest.raises(type(bug)):
        main(["register", "anything"])


def test_ctrl_c_ends_with_the_shells_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(register, "run", interrupted)
    assert main(["register", "anything"]) == 130
    assert "Stopped." in capsys.readouterr().err


def test_help_loads_no_network_no_engine_and_no_mlflow() -> None:
    """It is there in a third of a second, where importing PyTorch alone takes several."""
    heavy = ("torch", "openvino", "onnxruntime", "numba", "scipy", "mlflow", "av", "matplotlib")
    asked = (
        "import sys\nfrom modelisation.__main__ import COMMANDS, main\n"
        "for name in COMMANDS:\n"
        "    try:\n        main([name, '--help'])\n    except SystemExit:\n        pass\n"
        f"    assert not (loaded := [heavy for heavy in {heavy} if heavy in sys.modules]), (name, loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, encoding="utf-8", cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.count("usage: python -m modelisation ") == len(COMMANDS)
