"""The load balancer of back/replicas in tests: Debian's nginx with the repository's own file, before any servers."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from tests.api import free_port, wait_until

CONFIGURATION = Path(__file__).resolve().parents[1] / "back" / "replicas" / "nginx.conf"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"  # Debian's lies where ordinary users do not look


def write_configuration(
    folder: Path, ports: Sequence[int], text: str | None = None, max_fails: int = 1
) -> tuple[Path, str]:
    """The file with a free port and folders of its own, before replicas on this machine; and its address."""
    text, port, inner = text or CONFIGURATION.read_text(encoding="utf-8"), free_port(), free_port()
    assert (text.count("listen 8000;"), text.count("127.0.0.1:8009;")) == (1, 4)
    text = text.replace("listen 8000;", f"listen 127.0.0.1:{port};").replace("127.0.0.1:8009", f"127.0.0.1:{inner}")
    text = text.replace("/tmp/streetseg-nginx", f"{folder}/own")
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    servers = "".join(f"server 127.0.0.1:{port} max_fails={max_fails} fail_timeout=2s; " for port in ports)
    (folder / "replicas.conf").write_text(
        f"upstream replicas {{ zone replicas 256k; least_conn; {servers}}}\n", encoding="utf-8"
    )
    return path, f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def balancing(folder: Path, ports: Sequence[int], text: str | None = None, max_fails: int = 1) -> Iterator[str]:
    """nginx before replicas at these ports of this machine; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    path, url = write_configuration(folder, ports, text, max_fails)
    log = folder / "nginx.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [NGINX, "-c", str(path), "-g", "daemon off;"], stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(url), "nginx", 20)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/metrics", timeout=5).status_code == 404
    except requests.ConnectionError:
        return False
