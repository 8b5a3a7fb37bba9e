"""`make pin-images` against a registry on the loopback: it writes the digest of what was sent, and the date."""

import datetime
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.test_dockerfiles import DOCKERFILES

ROOT = Path(__file__).resolve().parents[1]
NO_LIST = b'{"config": {}}'
MANIFEST = json.dumps({"schemaVersion": 2, "manifests": [{"digest": "sha256:00", "size": 1}]}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


@contextmanager
def registry(manifest: bytes = MANIFEST, said: str = DIGEST) -> Iterator[str]:
    """As Docker Hub: a manifest only for whoever first fetched the token that anybody gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = "/v2/library/python/manifests/3.11-slim-bookworm"
            scope = "repository:library/python:pull"
            if self.path.startswith("/token?") and scope.replace(":", "%3A").replace("/", "%2F") in self.path:
                self._send(200, b'{"token": "for-anybody"}')
            elif self.path != wanted:
                self._send(404, b"{}")
            elif self.headers["Authorization"] != "Bearer for-anybody":
                challenge = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",scope="{scope}"'
                self._send(401, b"{}", {"WWW-Authenticate": challenge})
            elif "application/vnd.oci.image.index.v1+json" not in self.headers["Accept"]:
                self._send(406, b"{}")
            else:
                self._send(200, manifest, {"Docker-Content-Digest": said})

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        Path(shutil.copy(ROOT / name, tmp_path / f"{number}.Dockerfile")) for number, name in enumerate(DOCKERFILES)
    ]


def test_an_image_of_the_compose_file_is_pinned_in_its_place(tmp_path: Path) -> None:
    text = "services:\n  a:\n    image: ours\n  b:\n    image: python:3.11-slim-bookworm\n    mem_limit: 1g\n"
    (tmp_path / "compose.yml").write_text(text, encoding="utf-8")
    with registry() as address:
        assert pin(address, [tmp_path / "compose.yml"]).returncode == 0
    lines = (tmp_path / "compose.yml").read_text(encoding="utf-8").splitlines()
    assert lines[4].startswith("    # By digest as of ")
    assert lines[5] == f"    image: python:3.11-slim-bookworm@{DIGEST}"
    assert [*lines[:4], lines[6]] == [line for line in text.splitlines() if ":3.11" not in line]


def pin(address: str, files: list[Path]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / ".ci" / "images" / "pin.py", "--registry", address, *files]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)


def test_every_first_image_gets_its_digest_and_the_date_and_nothing_else_changes(files: list[Path]) -> None:
    before = [file.read_text(encoding="utf-8") for file in files]
    with registry() as address:
        for _ in range(2):  # the second run finds what the first one wrote
            result = pin(address, files)
            assert result.returncode == 0, result.stderr
    assert result.stdout == f"python:3.11-slim-bookworm is {DIGEST}\n"
    today = datetime.datetime.now(datetime.UTC).date()
    for file, text in zip(files, before, strict=True):
        lines = file.read_text(encoding="utf-8").splitlines()
        number = next(number for number, line in enumerate(lines) if line.startswith("FROM "))
        assert lines[number] == f"FROM python:3.11-slim-bookworm@{DIGEST}"
        assert lines[number - 1].startswith("# By digest as of ")
        told = datetime.date.fromisoformat(lines[number - 1].removeprefix("# By digest as of ")[:10])
        assert abs((told - today).days) <= 1
        rest = [line for line in text.splitlines() if not line.startswith(("FROM ", "# By digest"))]
        assert lines[: number - 1] + lines[number + 1 :] == rest


@pytest.mark.parametrize(
    ("manifest", "said", "sentence"),
    [
        (MANIFEST, f"sha256:{'0' * 64}", "and sends"),
        (NO_LIST, f"sha256:{hashlib.sha256(NO_LIST).hexdigest()}", "no list of images"),
    ],
)
def test_a_registry_that_contradicts_itself_changes_nothing(
    files: list[Path], manifest: bytes, said: str, sentence: str
) -> None:
    before = [file.read_bytes() for file in files]
    with registry(manifest, said) as address:
        result = pin(address, files)
    assert result.returncode == 1
    assert "Nothing was changed. python:3.11-slim-bookworm: " in result.stderr
    assert sentence in result.stderr
    assert [file.read_bytes() for file in files] == before


def test_without_a_network_nothing_is_changed(files: list[Path]) -> None:
    before = [file.read_bytes() for file in files]
    result = pin("http://127.0.0.1:9", files)
    assert result.returncode == 1
    assert "does not tell" in result.stderr
    assert "Traceback" not in result.stderr
    assert [file.read_bytes() for file in files] == before
