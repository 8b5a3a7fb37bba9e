"""`make demo` with tiny models: from an empty store to masks, twice, with every failure a sentence."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import requests
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.taxonomy import STREET8
from modelisation.demo.client import write_masks
from modelisation.demo.services import Ports, Running, services
from tests.bundles import make_bundle

ROOT = Path(__file__).resolve().parents[1]
SERVING_PYTHON = ROOT / ".venv-serve" / "bin" / "python"
PORTS = ("MLFLOW_PORT", "API_PORT", "DASHBOARD_PORT")
COLOURS = np.array([item.color for item in STREET8.classes], dtype=np.uint8)
ROWS, COLUMNS = np.mgrid[:120, :200]
LABELS_HW: npt.NDArray[np.uint8] = ((ROWS // 60 + COLUMNS // 50) % 8).astype(np.uint8)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Place:
    """A demo of its own: bundles, store, outputs, home folder and ports that nobody else uses."""

    folder: Path
    ports: list[int]

    def start(self, *options: str, **variables: str) -> subprocess.Popen[str]:
        python = SERVING_PYTHON if SERVING_PYTHON.exists() else Path(sys.executable)
        folders = [f"--{name}={self.folder / name}" for name in ("bundles", "store", "out")]
        ports = {name: str(port) for name, port in zip(PORTS, self.ports, strict=True)}
        return subprocess.Popen(
            [str(python), "-m", "modelisation.demo", *folders, *options],
            cwd=ROOT,
            env={**os.environ, "HOME": str(self.folder / "home"), **ports, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *options: str, **variables: str) -> tuple[int, str, str]:
        """Status, stdout and stderr of a demo that ends by itself."""
        process = self.start(*options, **variables)
        try:
            stdout, stderr = process.communicate(timeout=200)
        finally:
            process.kill()
        return process.returncode, stdout, stderr

    def processes(self) -> list[str]:
        """The command line of every process that a demo in this place left running."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                state = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                command = (entry / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
            except OSError:
                continue
            if f"MLFLOW_PORT={self.ports[0]}" in environment and state != "Z":
                found.append(command)
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "home").mkdir()
    make_bundle(folder / "bundles", name="first", miou=0.625)
    make_bundle(folder / "bundles", name="second", bias=0.25)
    Image.fromarray(COLOURS[LABELS_HW]).save(folder / "photo.png")
    return Place(folder, free_ports(3))


@dataclass
class Demo:
    place: Place
    process: subprocess.Popen[str]
    printed: str

    def stop(self) -> tuple[str, str]:
        """Ctrl-C, unless it has ended; returns the rest of stdout and stderr."""
        if self.process.poll() is not None:
            return "", ""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)


def read_until_serving(process: subprocess.Popen[str]) -> str:
    """What a demo prints before it serves."""
    assert process.stdout is not None
    printed = ""
    while "Serving until Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, printed + process.communicate()[1]
        printed += line
    return printed


@pytest.fixture(scope="module")
def demo(place: Place) -> Iterator[Demo]:
    """A demo on the sample pictures that has printed its table and is serving."""
    process = place.start()
    try:
        running = Demo(place, process, read_until_serving(process))
        yield running
        running.stop()
    finally:
        process.kill()


@pytest.mark.slow
class TestServing:
    def test_the_table_names_model_miou_latency_and_mask(self, demo: Demo) -> None:
        masks = demo.place.folder / "out" / "masks"
        for name, miou in (("first", "0.625"), ("second", "0.500")):
            row = re.search(rf"^  {name} +(\S+) +(\d+) ms +(\S+)$", demo.printed, re.MULTILINE)
            assert row, demo.printed
            assert row[1] == miou
            assert Path(row[3]).parent == masks / name

    def test_every_model_left_a_palette_mask_of_each_picture_s_size(self, demo: Demo) -> None:
        out = demo.place.folder / "out"
        pictures = sorted((out / "samples").glob("*.png"))
        assert len(pictures) == 3
        for name in ("first", "second"):
            for picture in pictures:
                with Image.open(out / "masks" / name / picture.name) as mask, Image.open(picture) as photo:
                    assert (mask.mode, mask.size) == ("P", photo.size)

    def test_all_three_addresses_answer(self, demo: Demo) -> None:
        addresses = re.findall(r"http://localhost:\d+\S*", demo.printed)
        assert len(addresses) == 3
        for address in addresses:
            assert requests.get(address, timeout=10).status_code == 200

    def test_the_mask_is_what_the_network_says(self, demo: Demo) -> None:
        with (demo.place.folder / "photo.png").open("rb") as photo:
            answer = requests.post(
                f"http://127.0.0.1:{demo.place.ports[1]}/predict?model=second", files={"image": photo}, timeout=30
            )
        (demo.place.folder / "answer.png").write_bytes(answer.content)
        with Image.open(demo.place.folder / "answer.png") as mask:
            assert (np.asarray(mask) == LABELS_HW).mean() > 0.95

    def test_a_photo_that_the_api_refuses_is_a_sentence(self, demo: Demo, tmp_path: Path) -> None:
        damaged = tmp_path / "photo.png"
        damaged.write_bytes((demo.place.folder / "photo.png").read_bytes()[:-40])
        api = services(Ports(*demo.place.ports), tmp_path, tmp_path)[1]
        refused = pytest.raises(UserError, match=rf"^The API refused {damaged} for first \(400\): .+")
        with requests.Session() as session, refused:
            write_masks(Running(), session, api, "first", [damaged], tmp_path / "masks")

    def test_a_second_demo_beside_it_says_that_the_port_is_in_use(self, demo: Demo) -> None:
        status, _, stderr = demo.place.run("--once")
        assert status == 2
        assert f"Port {demo.place.ports[0]} for MLflow is in use" in stderr
        assert "make demo MLFLOW_PORT=" in stderr
        assert len(stderr.strip().splitlines()) == 1

    def test_nothing_is_written_to_the_home_folder(self, demo: Demo) -> None:
        assert list((demo.place.folder / "home").iterdir()) == []

    def test_ctrl_c_ends_all_three(self, demo: Demo) -> None:
        assert len(demo.place.processes()) >= 4  # the demo itself and its three services
        stdout, stderr = demo.stop()
        assert (demo.process.returncode, stderr) == (0, "")
        assert "all three services have ended" in stdout
        assert demo.place.processes() == []


def test_a_service_that_cannot_start_is_a_sentence_with_its_reason_and_log(demo: Demo) -> None:
    demo.stop()
    place = demo.place
    status, _, stderr = place.run("--once", STREETSEG_ENGINE="abacus")
    assert status == 2
    assert "API stopped with status 2" in stderr
    assert "STREETSEG_ENGINE=abacus" in stderr
    assert f"Its whole log: {place.folder / 'out' / 'logs' / 'api.log'}" in stderr
    assert len(stderr.strip().splitlines()) == 1
    assert place.processes() == []


def test_a_second_demo_reuses_what_is_there_takes_your_photo_and_ends_when_a_service_is_killed(demo: Demo) -> None:
    demo.stop()
    place = demo.place
    process = place.start("--image", str(place.folder / "photo.png"))
    try:
        printed = read_until_serving(process)
        assert "first version 1 is registered, as before" in printed
        with Image.open(place.folder / "out" / "masks" / "first" / "photo.png") as mask:
            assert (np.asarray(mask) == LABELS_HW).mean() > 0.95
        [dashboard] = children_of(process.pid, "streamlit")
        os.kill(dashboard, signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "dashboard was ended by signal 9" in stderr
    assert place.processes() == []


def children_of(parent: int, word: str) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
    return [int(child) for child in children if word in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    ("options", "variables", "sentence"),
    [
        (["--image", "nowhere.jpg"], {}, "nowhere.jpg: no such file; give a photo"),
        (["--image", __file__], {}, "test_demo.py: This is not a JPEG"),
        (["--bundles", "nowhere"], {}, "nowhere holds no bundle"),
        ([], {"API_PORT": "eighty"}, "API_PORT=eighty is not a port"),
        ([], {"DASHBOARD_PORT": "70000"}, "DASHBOARD_PORT=70000 is not a port"),
        ([], {"MLFLOW_PORT": "5001", "API_PORT": "5001"}, "MLflow and API cannot share port 5001"),
    ],
)
def test_a_wrong_wish_is_one_sentence_before_anything_starts(
    place: Place, options: list[str], variables: dict[str, str], sentence: str
) -> None:
    status, stdout, stderr = place.run(*options, **variables)
    assert (status, stdout) == (2, "")
    assert sentence in stderr
    assert len(stderr.strip().splitlines()) == 1
