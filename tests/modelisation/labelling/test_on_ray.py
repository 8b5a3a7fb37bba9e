"""A Ray Data job on a real cluster of this machine: complete, also when its actors are killed."""

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from modelisation.__main__ import main
from modelisation.labelling.record import Record
from tests.bundles import make_bundle
from tests.modelisation.labelling.photos import assert_complete, errors, write_photos


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"), pixel_budget=96 * 160)


def actors() -> list[psutil.Process]:
    """The actors of the cluster that this process began and that have photos in hand."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if re.match(r"ray::.*MapBatches", process.name()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def addresses() -> set[str]:
    """Where processes of the cluster listen."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that was killed may end while it is asked
            listening = [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
            found |= {one.laddr.ip for one in listening}
    return found


@pytest.mark.alone  # Ray gives its own programs 15 seconds to start; beside other work they take longer
@pytest.mark.slow
def test_none_is_lost_when_an_actor_is_killed_twice(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    photos = write_photos(tmp_path / "photos", 96)
    photos[17].write_bytes(b"no picture")
    killed: list[int] = []
    listening: set[str] = set()
    done, count = Record.done, 0

    def kill(record: Record, *values: object) -> None:
        nonlocal count
        count += 1
        done(record, *values)  # type: ignore[arg-type]
        if count in (3, 40):
            listening.update(addresses())
            victim = actors()[0]
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    monkeypatch.setattr(Record, "done", kill)
    out = tmp_path / "out"
    arguments = ["predict", str(bundle), str(tmp_path / "photos"), "--out", str(out), "--engine", "ray"]
    assert main([*arguments, "--workers", "2"]) == 1
    assert len(set(killed)) == 2
    assert_complete(out, list(map(str, photos)))
    assert set(errors(out)) == {str(photos[17])}
    assert len(list(out.glob("*.png"))) == 95
    said = capsys.readouterr()
    assert "95 masks are in" in said.out
    assert "Traceback" not in said.err
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}, "nobody else may send work to it"
    assert not actors()


def test_a_cluster_that_is_not_there_is_a_sentence(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    arguments = ["predict", str(bundle), str(write_photos(tmp_path, 1)[0]), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--engine", "ray"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("predict: ")]
    assert len(said) == 1
    assert "the cluster of RAY_ADDRESS=127.0.0.1:9 is not reached" in said[0]


def test_ray_that_is_not_installed_is_a_sentence(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["predict", str(bundle), str(write_photos(tmp_path, 1)[0]), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--engine", "ray"]) == 2
    assert "Ray is not installed; pip install -r modelisation/labelling/requirements.txt" in capsys.readouterr().err
