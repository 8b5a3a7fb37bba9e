"""The time to /readyz is taken with the API as it is run for people."""

import os
import shutil

import pytest

from tests.api import empty_database
from tests.benchmarks.ready import free_ports, ready_times
from tests.benchmarks.server import register
from tests.bundles import make_bundle

__all__ = ["empty_database"]


def test_ports_differ():
    assert len(set(free_ports(3))) == 3


@pytest.mark.slow
def test_cold_and_warm_starts_before_an_mlflow_server_are_timed(tmp_path, empty_database):
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    if compiled := os.environ.get("NUMBA_CACHE_DIR"):  # compiling anew is what takes long at a cold start
        shutil.copytree(compiled, tmp_path / "ready-cache" / "numba", dirs_exist_ok=True)
    register([make_bundle(tmp_path / "made")], tmp_path)
    times = ready_times(tmp_path, warm_starts=1)
    assert 0 < times["warm"] < 60
    assert times["environment"] in ("serving", "full")


def test_a_service_that_does_not_start_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match="file"):
        ready_times(tmp_path / "file", warm_starts=1)
