"""The make targets: each is explained, asks for what it needs, and calls only what exists."""

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = (
    *(
        "help",
        "setup",
        "demo",
        "test",
        "hostile",
        "soak",
        "lint",
        "lock",
        "pin-images",
        "audit",
        "sbom",
        "train",
        "lab",
        "notebooks",
        "scenes",
    ),
    *("benchmark", "benchmark-quality", "benchmark-scale", "benchmark-tradeoff", "benchmark-evaluate"),
    *(
        "benchmark-folders",
        "benchmark-clips",
        "benchmark-training",
        "benchmark-all",
        "benchmark-gpu",
        "benchmark-starts",
    ),
    *("models", "tables", "screenshots", "up", "down", "clean"),
)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Without the variables by which a make that runs these tests would talk to this one.
    environment = {key: value for key, value in os.environ.items() if not re.match(r"MAKE|MFLAGS", key)}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=60
    )


def program(name: str) -> Any:
    """A program of .ci/audit, which is no package, as a module."""
    specification = importlib.util.spec_from_file_location(name, ROOT / ".ci" / "audit" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_help_explains_every_target() -> None:
    result = make()
    assert result.returncode == 0
    explained = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", result.stdout, re.MULTILINE))
    assert tuple(explained) == TARGETS


def test_makefile_scripts_and_readme_name_the_same_pythons() -> None:
    for name in ("Makefile", "back/install-app.sh"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "not (3, 11) <= sys.version_info[:2] <= (3, 13)" in text
        assert "python3.11 python3.12 python3.13 python3; do" in text
    assert "Python 3.11, 3.12 or 3.13" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_explained_target_is_phony() -> None:
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].replace("\\\n", " ").split()) == set(TARGETS)


def test_every_module_that_a_target_runs_exists() -> None:
    modules = set(re.findall(r"(?:/bin/python|\$\(RUN\)) -m ([a-z_.]+)", MAKEFILE))
    assert "modelisation.demo" in modules
    assert not [name for name in modules if importlib.util.find_spec(name) is None]


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [(("train",), "RECIPE"), (("train", "RECIPE=x.yaml"), "DATA"), (("benchmark-quality", "DATA="), "DATA")],
)
def test_a_target_says_which_setting_it_misses_before_it_installs_anything(
    arguments: tuple[str, ...], missing: str
) -> None:
    result = make(*arguments)
    assert result.returncode != 0
    assert f"make {arguments[0]} {missing}=" in result.stderr
    assert "Installing" not in result.stdout


@pytest.mark.skipif(not (ROOT / "../shared/camvid").is_dir(), reason="CamVid is not beside the project")
def test_quality_is_measured_on_the_camvid_beside_the_clone_unless_other_data_is_named() -> None:
    assert "--data '../shared/camvid'" in make("--dry-run", "benchmark-quality").stdout
    assert "--data 'mine'" in make("--dry-run", "benchmark-quality", "DATA=mine").stdout
    assert "../shared/camvid" not in make("--dry-run", "notebooks").stdout


def test_every_environment_is_made_from_pinned_files_and_what_they_hash() -> None:
    commands = make("--dry-run", "--always-make", "setup", "sbom").stdout
    installs = re.findall(r"pip .*install .*", commands)
    assert len(installs) == 3
    for install in installs:
        files = re.findall(r"-r (\S+)", install)
        assert files
        for file in files:
            assert "--hash=sha256:" in (ROOT / file).read_text(encoding="utf-8")
    assert "-r tests/requirements.txt -r .ci/cuda.txt" in commands


def test_torch_can_come_from_another_index_without_its_address_in_the_project() -> None:
    commands = make("--dry-run", "--always-make", "setup", "TORCH_INDEX=https://example.org/cpu").stdout
    assert "--no-deps --index-url 'https://example.org/cpu'" in commands
    assert "install --no-deps -r tests/requirements.txt" in commands  # or pip would ask for hashes of its libraries
    assert ".ci/cuda.txt" not in commands
    assert "--index-url" not in make("--dry-run", "--always-make", "setup").stdout
    assert not re.search(r"https?://(?!localhost)", MAKEFILE)


def test_ci_runs_the_tests_and_then_the_soak_after_the_system_packages() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line.strip() for line in script.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert lines[-2:] == ['make test "${full[@]}"', 'make soak "${full[@]}"']
    assert "set -euo pipefail" in lines
    assert subprocess.run(["bash", "-n", script], timeout=10).returncode == 0


def test_the_soak_is_the_one_test_that_is_left_out_of_the_tests() -> None:
    command = make("--dry-run", "soak").stdout
    assert "SOAK_MINUTES='3'" in command
    assert "SOAK_MINUTES='60'" in make("--dry-run", "soak", "SOAK_MINUTES=60").stdout
    (asked,) = re.findall(r"(tests/hostile/\S+)", command)
    file, _, test = asked.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "skipif(not SOAK_MINUTES" in text.split(f"\ndef {test}(")[0].rpartition("\n\n\n")[2]


def test_an_audit_that_reaches_no_data_says_so() -> None:
    audit = program("audit")
    passed_over = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI"}]}'
    for output in ("", "[]", passed_over):
        assert audit.judge(output, "Connection refused")[0] == 0
        assert "could not be reached, so nothing is known" in audit.judge(output, "Connection refused")[1]
    found = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}'
    assert audit.judge(found, "") == (
        1,
        "1 of 1 packages looked up, 1 known weak spots\n  a 1: CVE-1, mended in 2",
    )
    fine = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
    assert audit.judge(fine, "") == (0, "1 of 1 packages looked up, 0 known weak spots")


def test_a_bill_of_materials_that_lacks_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ".venv-audit/bin/python .ci/audit/sbom.py .venv-serve" in make("--dry-run", "sbom").stdout.splitlines()
    sbom = program("sbom")
    out = tmp_path / "out" / "sbom.json"
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    monkeypatch.setattr(sbom, "OUT", out)
    monkeypatch.setattr(sbom, "PINNED", ("pins.txt",))
    text = "# compiled\nA.b==1 \\\n    --hash=sha256:0\nc==2 ; python_version < '3'\nd==3\n"
    (tmp_path / "pins.txt").write_text(text, encoding="utf-8")
    listed = {"a_B": "1", "d": "3"}

    def cyclonedx(command: list[Any], **_: object) -> None:
        components = [{"name": name, "version": pin, "purl": "pkg:…"} for name, pin in listed.items()]
        file = command[command.index("--output-file") + 1]
        file.write_text(json.dumps({"components": components}), encoding="utf-8")

    monkeypatch.setattr(sbom.subprocess, "run", cyclonedx)
    assert sbom.main(".venv-serve") == 0
    assert "lists 2 packages" in capsys.readouterr().out
    whole = out.read_bytes()
    listed["d"] = "4"
    assert sbom.main(".venv-serve") == 1
    assert "lacks d 3; make setup renews it" in capsys.readouterr().err
    assert [file.name for file in out.parent.iterdir()] == ["sbom.json"]
    assert out.read_bytes() == whole


TOOL = ROOT / ".venv-audit" / "bin" / "cyclonedx-py"


@pytest.mark.skipif(not (TOOL.exists() and (ROOT / ".venv-serve").exists()), reason="make sbom installs the tool")
def test_the_bill_of_materials_lists_every_package_that_is_served(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    command = [TOOL, "environment", "--output-reproducible", "--output-file", file, ROOT / ".venv-serve"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    sbom = program("sbom")
    text = file.read_text(encoding="utf-8")
    pins = dict(pin for pinned in sbom.PINNED for pin in sbom.pins_of(ROOT / pinned))
    assert {"fastapi", "streamlit", "mlflow"} <= set(pins)
    assert sbom.missing_from(sbom.packages_of(json.loads(text)), pins) == []
    assert json.loads(text)["bomFormat"] == "CycloneDX"
    assert str(ROOT) not in text


def test_pip_s_output_becomes_a_count() -> None:
    said = "Collecting numpy==1 (from x)\n  Downloading numpy.whl (1 MB)\nProcessing /x/y.whl (from x)\n"
    said += "Installing collected packages: numpy, y\nSuccessfully installed numpy-1 y-1\n"
    result = subprocess.run(
        [ROOT / ".ci" / "pip-progress"], input=said, capture_output=True, encoding="utf-8", timeout=10
    )
    assert result.stdout == "  installing 2 packages …\n  2 packages installed\n"


def test_nothing_is_said_when_pip_had_nothing_to_do() -> None:
    said = "Requirement already satisfied: numpy==1\n"
    result = subprocess.run(
        [ROOT / ".ci" / "pip-progress"], input=said, capture_output=True, encoding="utf-8", timeout=10
    )
    assert result.stdout == ""
