"""The time to /readyz, with and without a cache. The services stand in here; the demo's tests start the real ones."""

from dataclasses import replace

import pytest

from tests.benchmarks import ready
from tests.benchmarks.stand_in import COLD_S


def test_ports_differ():
    assert len(set(ready.free_ports(3))) == 3


def test_a_cold_start_and_the_median_of_the_warm_ones_are_timed(tmp_path, monkeypatch):
    started = ready.services

    def stand_ins(ports, store, logs):
        mlflow, api, dashboard = started(ports, store, logs)
        module = "tests.benchmarks.stand_in"
        return (
            replace(mlflow, command=(module, str(ports.mlflow))),
            replace(api, command=(module, str(ports.api), str(tmp_path / "cache"))),
            dashboard,
        )

    monkeypatch.setattr(ready, "services", stand_ins)
    times = ready.measure(tmp_path, warm_starts=3)
    assert times["cold"] > COLD_S
    assert 0 < times["warm"] < times["cold"] - COLD_S / 2


def test_a_service_that_does_not_start_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match="file"):
        ready.ready_times(tmp_path / "file", warm_starts=1)
