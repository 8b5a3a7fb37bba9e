"""The API on Ray Serve in tests and benchmarks: a cluster of this machine's own, on the loopback alone.

It is started by a process of its own (this file, run as a module). Ray ends the process that started a cluster as
soon as one of the cluster's programs fails, and that must not be the process that runs the tests.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.api import free_port

ROOT = Path(__file__).resolve().parents[1]
SERVE_FILE = ROOT / "back" / "replicas" / "serve.yaml"
_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # read at the import: it listens on the loopback alone
    "RAY_agent_register_timeout_ms": "120000",  # 30 seconds else, which a busy machine may exceed
}
_STARTS = 3  # some of Ray's limits on how long its programs may take to start cannot be set
_END_S = 60


def read_serve_file() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(SERVE_FILE.read_text(encoding="utf-8"))
    return content


@contextlib.contextmanager
def serving_on_ray(settings: Mapping[str, str], processors: int = 1) -> Iterator[str]:
    """The deployment of back/replicas/serve.yaml with other settings beside its own; yields its address.

    Args:
        settings: variables of the replicas.
        processors: of one replica.

    Raises:
        RuntimeError: Ray could not start it in three attempts; what it said is on the error stream.
    """
    for _ in range(_STARTS):
        command = [sys.executable, "-m", "tests.on_ray_serve", json.dumps([dict(settings), processors])]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | _RAY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with _ended(process) as it:
            assert it.stdout is not None
            for line in it.stdout:
                if line.startswith("http"):
                    yield line.strip()
                    return
    raise RuntimeError(f"Ray Serve did not start in {_STARTS} attempts")


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, ended afterwards by closing its input, and with it all that it started."""
    with process:
        try:
            yield process
        finally:
            started: list[psutil.Process] = []
            with contextlib.suppress(psutil.NoSuchProcess):
                started = psutil.Process(process.pid).children(recursive=True)
            try:
                process.communicate(timeout=_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
            for one in started:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()


def _serve_until_input_ends(settings: Mapping[str, str], processors: int) -> None:
    """Start cluster and deployment, print the address, and end both when the standard input ends."""
    import ray
    from ray import serve

    from back.ray_serve import deployment

    (application,) = read_serve_file()["applications"]
    (wishes,) = application["deployments"]
    variables = application["runtime_env"]["env_vars"] | {"STREETSEG_THREADS": str(processors)} | dict(settings)
    here = {"env_vars": variables | {"PYTHONPATH": str(ROOT)}}
    port = free_port()
    try:
        ray.init(
            address="local",
            num_cpus=processors + 1,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=128 << 20,
            runtime_env=here,
        )
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(deployment.options(**wishes | {"ray_actor_options": {"num_cpus": processors}}).bind())
        print(f"http://127.0.0.1:{port}", flush=True)
        sys.stdin.read()
    finally:
        with contextlib.suppress(Exception):
            serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    _serve_until_input_ends(*json.loads(sys.argv[1]))
