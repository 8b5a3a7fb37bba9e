"""Promises are judged by what was measured."""

import copy

from tests.benchmarks.report import ALL_BOUNDARY, promises
from tests.benchmarks.sample_report import REPORT


def met(report) -> dict[str, bool | None]:
    return {p["figure"]: p["met"] for p in promises(report)}


def test_a_fast_run_keeps_every_promise_that_was_measured():
    said = met(REPORT)
    assert len(said) >= 12
    assert set(said.values()) == {True}


def test_a_slow_server_breaks_the_promises_about_time():
    slow = copy.deepcopy(REPORT)
    for row in slow["rows"]:
        if row["way"] == "ours, HTTP":
            row["ms"] = {"p50": 900.0, "p95": 950.0}
        else:
            row["times_ours"] = {"median": 1.1, "low": 1.0, "high": 1.2}
    broken = {figure for figure, said in met(slow).items() if said is False}
    assert "segformer, 2048x1024 JPEG: POST /predict faster than transformers pipeline" in broken
    assert "segformer, 2048x1024 JPEG: over the bare engine's infer" in broken


def test_wrong_labels_break_the_promise_about_labels():
    wrong = copy.deepcopy(REPORT)
    next(row for row in wrong["rows"] if row["way"] == "ours, HTTP")["agreement"] = 0.98
    assert met(wrong)["segformer: labels equal to fp32 PyTorch's, same tensor"] is False


def test_a_way_that_failed_is_not_measured():
    failed = copy.deepcopy(REPORT)
    row = next(row for row in failed["rows"] if row["way"] == "transformers pipeline")
    row.update(error="no compiler", ms=None, times_ours=None)
    assert met(failed)["segformer, 2048x1024 JPEG: POST /predict faster than transformers pipeline"] is None


def test_labels_of_large_jpegs_are_judged_against_full_decode():
    figure = "segformer: mIoU against fp32 PyTorch with full decode, labelled photos 2048 pixels wide, JPEG, "
    figure += "network input of 0.17 megapixels"
    assert met(REPORT)[figure] is True
    worse = copy.deepcopy(REPORT)
    worse["large_photos"][0]["miou"] -= 0.004
    assert met(worse)[figure] is False


def test_no_scores_may_be_slower_than_the_dense_way():
    slow = copy.deepcopy(REPORT)
    next(t for t in slow["tricks"] if t["trick"] == ALL_BOUNDARY)["ratio"]["median"] = 0.9
    figure = "segformer: labels at 2 megapixels of scores that are all boundary, faster than interpolate + argmax"
    assert met(REPORT)[figure] is True
    assert met(slow)[figure] is False


def test_what_could_not_be_measured_is_said_to_be_so():
    gone = REPORT | {"memory": None, "ready_s": None, "healthz_ms": None, "large_photos": []}
    gone["tricks"] = [
        t | {"error": "OSError: gone", "usual_ms": None, "ours_ms": None, "ratio": None} for t in REPORT["tricks"]
    ]
    said = met(gone)
    assert said["from process start to /readyz, warm cache"] is None
    assert said["segformer: labels at 12 megapixels"] is None
    assert False not in said.values()


def test_throughput_is_compared_with_the_bare_engine_s_best_mode():
    report = copy.deepcopy(REPORT)
    assert met(report)["segformer: images/s at 16 clients over the bare engine's best mode"] is True
    next(t for t in report["throughput"] if t["clients"] is None)["images_per_second"] = 100.0
    assert met(report)["segformer: images/s at 16 clients over the bare engine's best mode"] is False
