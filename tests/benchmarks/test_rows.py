"""Every way gets a row on every photo, and one that fails is a row that says so. The ways here are made up."""

import time

import numpy as np
import pytest

from back.runtime.card import ONNX_FILE, read_card
from modelisation.reports.speed import BENCHMARK_TABLES
from tests.benchmarks import rows as module
from tests.benchmarks.material import Material
from tests.benchmarks.peers import BARE, OURS, BareOpenVino, OursOverHttp, TorchCompiled, TorchEager
from tests.benchmarks.photos import Case
from tests.benchmarks.rows import Rows
from tests.benchmarks.serving import health_summary
from tests.benchmarks.usual import UsualSteps
from tests.benchmarks.worker import Answer, PeerError
from tests.bundles import make_bundle, paint, png_bytes, stripes

LABELS_HW = stripes(64, 128, 8)


class FakeWorker:
    """Answers as a way's process does; the eager one fails at its second call, the compiled one cannot start."""

    def __init__(self, peer, material, urls):
        if peer is TorchCompiled:
            raise PeerError("RuntimeError: no C++ compiler")
        self.peer, self.calls, self.stopped = peer, 0, False
        self.png = None if peer is BareOpenVino else UsualSteps(material.card).colour(LABELS_HW)

    def use(self, case):
        pass

    def call(self):
        self.calls += 1
        if self.peer is TorchEager and self.calls > 1:
            raise PeerError("MemoryError: no memory")
        ours = self.peer is OursOverHttp
        return Answer(2.0 if ours else 6.0, self.png, {"infer": 1.5} if ours else {})

    def images_per_second(self, clients, seconds):
        time.sleep(seconds)
        return 10.0 * clients

    def bulk_images_per_second(self, seconds):
        return 99.0

    def peak_rss_bytes(self):
        return 10**8

    def stop(self):
        self.stopped = True


class FakeReference:
    def labels(self, case):
        return LABELS_HW


@pytest.fixture
def measured(tmp_path, monkeypatch) -> Rows:
    bundle = make_bundle(tmp_path)
    material = Material("nearest", read_card(bundle), bundle, bundle, None, bundle / ONNX_FILE)
    monkeypatch.setattr(module, "Worker", FakeWorker)
    case = Case("stripes", png_bytes(paint(LABELS_HW, material.card.taxonomy)), 64, 128, None)
    rows = Rows(material, {None: "http://127.0.0.1:1"})
    rows.measure_photo(case, 2, FakeReference(), headline=True)
    return rows


def test_every_way_has_a_row_in_the_order_of_the_table(measured):
    ways = [row["way"] for row in measured.rows]
    assert ways[:2] == ["smp eager, usual steps", "smp torch.compile, usual steps"]
    assert ways[-2:] == [BARE, OURS]


def test_a_way_that_fails_at_the_start_or_later_is_a_row_that_says_so(measured):
    errors = {row["way"]: row["error"] for row in measured.rows}
    assert errors["smp torch.compile, usual steps"] == "RuntimeError: no C++ compiler"
    assert errors["smp eager, usual steps"] == "MemoryError: no memory"
    assert errors[OURS] is None


def test_times_ratios_agreement_and_stages_are_those_of_the_answers(measured):
    row = {row["way"]: row for row in measured.rows}
    assert row[OURS]["ms"] == {"p50": 2, "p95": 2}
    assert row[BARE]["times_ours"]["median"] == 3
    assert row[BARE]["agreement"] is None
    assert row[OURS]["agreement"] == 1
    assert row[OURS]["stages"] == {"infer": 1.5}
    assert row["ONNX Runtime, usual steps"]["peak_rss_bytes"] == 10**8


def test_throughput_has_every_number_of_clients_and_the_engine_s_bulk_mode(measured, monkeypatch):
    class Probe:
        def __init__(self, url):
            pass

        def start(self):
            pass

        def finish(self):
            return list(np.arange(1.0, 101.0))

    monkeypatch.setattr(module, "HealthProbe", Probe)
    turns = []
    for way, worker in measured._workers.items():
        worker.images_per_second = lambda clients, seconds, way=way: turns.append(way) or 10.0 * clients
    health_ms = measured.measure_throughput(0.0, "http://127.0.0.1:1")
    rates = {(t["way"], t["clients"]): t["images_per_second"] for t in measured.throughput}
    assert [rates[OURS, clients] for clients in (1, 4, 16)] == [10, 40, 160]
    assert rates[BARE, None] == 99
    assert health_summary(health_ms) == {"p50": 50.5, "p99": 99.01, "requests": 300}
    # The two of the promise take turns; the last of ours is the one that /healthz is asked beside.
    assert turns[-21:] == [*[BARE] * 3, *[OURS] * 4] * 3


def test_the_tables_take_the_rows_as_they_are(measured):
    report = {"rows": measured.rows, "throughput": measured.throughput, "photos": [{"name": "stripes"}]}
    assert len(BENCHMARK_TABLES["speed"](report)) == 2 + 5
    assert len(BENCHMARK_TABLES["photos"](report)) == 2 + 5
