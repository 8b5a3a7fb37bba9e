"""The parity gate, with a network that exists in PyTorch and in ONNX alike, and with one that does not."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is only in the training environment")


from back.runtime.card import read_card, verify_files
from back.runtime.engines.base import EngineKind, Precision
from modelisation.data.open import open_dataset
from modelisation.export.bundle import read_report, store_parity
from modelisation.export.gate import engine_passes, parity_failure, why_failed
from modelisation.export.parity import check_parity, sample_evenly
from modelisation.reports.parity import format_parity
from tests.api import Store, empty_database, store  # noqa: F401
from tests.bundles import make_bundle
from tests.modelisation.nearest_colour import nearest_colour_is_known, spoil_torch_weights, write_noisy_stripes

__all__ = ["nearest_colour_is_known"]

FP32: tuple[tuple[EngineKind, Precision], ...] = (("onnxruntime", "fp32"), ("openvino", "fp32"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, parity=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_noisy_stripes(tmp_path / "data")


def test_same_network_passes_on_every_engine(bundle: Path, data: Path) -> None:
    report = check_parity(bundle, open_dataset(data, "val"))
    assert report["passed"] is True
    ran = {(row["engine"], row["precision"]) for row in report["engines"]}
    skipped = {(row["engine"], row["precision"]) for row in report["skipped"]}
    assert ran >= set(FP32)
    assert ran | skipped == {*FP32, ("openvino", "bf16"), ("cuda", "fp32")}
    for row in report["engines"]:
        assert row["pixel_agreement"] >= row["min_agreement"]
        assert row["tensor_agreement"] >= row["min_agreement"]
        assert abs(row["miou_delta_points"]) <= 0.3
    assert report["reference"]["miou"] > 0.9
    assert report["same_tensor_images"] == 3
    json.dumps(report, allow_nan=False)
    assert "passed" in format_parity(report)


def test_other_weights_fail_and_the_report_says_where(bundle: Path, data: Path) -> None:
    spoil_torch_weights(bundle)
    report = check_parity(bundle, open_dataset(data, "val"), engines=FP32)
    assert report["passed"] is False
    assert all(not row["passed"] for row in report["engines"])
    assert report["engines"][0]["max_score_difference"] == pytest.approx(0.5, abs=1e-3)
    assert "FAILED" in format_parity(report)


def test_precision_that_the_engine_lacks_is_skipped_with_its_reason(bundle: Path, data: Path) -> None:
    report = check_parity(bundle, open_dataset(data, "val"), engines=(*FP32, ("onnxruntime", "bf16")))
    assert report["passed"] is True
    assert report["skipped"][0]["precision"] == "bf16"
    assert "fp32" in report["skipped"][0]["reason"]


def test_no_engine_at_all_is_no_pass(bundle: Path, data: Path) -> None:
    report = check_parity(bundle, open_dataset(data, "val"), engines=(("onnxruntime", "bf16"),))
    assert report["passed"] is False


def test_stored_report_leaves_a_bundle_that_verifies(bundle: Path, data: Path) -> None:
    assert parity_failure(bundle) is not None
    store_parity(bundle, check_parity(bundle, open_dataset(data, "val"), engines=FP32))
    verify_files(bundle, read_card(bundle))
    assert parity_failure(bundle) is None
    assert read_report(bundle)["evaluation"] is not None


def test_report_of_another_network_does_not_count(bundle: Path, data: Path, tmp_path: Path) -> None:
    parity = check_parity(bundle, open_dataset(data, "val"), engines=FP32)
    other = make_bundle(tmp_path / "other", bias=1.0)
    store_parity(other, parity)
    assert "another network" in (parity_failure(other) or "")


@pytest.mark.parametrize(
    ("precision", "agreement", "points", "passes"),
    [
        ("fp32", 0.9999, 0.0, True),
        ("fp32", 0.99989, 0.0, False),
        ("bf16", 0.99, -0.3, True),
        ("bf16", 0.9899, 0.0, False),
        ("int8", 0.995, -0.5, True),
        ("int8", 0.995, 0.51, False),
    ],
)
def test_thresholds(precision: str, agreement: float, points: float, passes: bool) -> None:
    assert engine_passes(precision, agreement, points) is passes


def test_fewer_images_are_spread_over_the_split_and_named(data: Path) -> None:
    dataset = open_dataset(data, "val")
    assert sample_evenly(dataset, None) is dataset
    assert sample_evenly(dataset, 9) is dataset
    part = sample_evenly(dataset, 2)
    assert part.names == ("0", "1")
    assert part.split == "val (2 of 3)"
    assert part.split_sha256 != dataset.split_sha256


def engine(precision: str, agreement: float, points: float = 0.0) -> dict[str, object]:
    return {
        "engine": "openvino", "precision": precision, "pixel_agreement": agreement, "tensor_agreement": 1.0,
        "min_agreement": {"fp32": 0.9999, "bf16": 0.99}[precision], "miou_delta_points": points,
        "passed": engine_passes(precision, agreement, points),
    }  # fmt: skip


def test_a_network_that_only_bf16_rounds_apart_is_told_to_train_longer():
    sentence = why_failed({"engines": [engine("fp32", 1.0), engine("bf16", 0.985)]})
    assert "openvino bf16 gives PyTorch's label on 98.50% of the pixels, 99.00% are wanted" in sentence
    assert "train it longer" in sentence


def test_a_network_that_fails_in_fp32_too_is_not_told_to_train_longer():
    sentence = why_failed({"engines": [engine("fp32", 1.0, 0.4), engine("bf16", 0.985)]})
    assert "mIoU of openvino fp32 differs from PyTorch's by +0.40 points" in sentence
    assert "train it longer" not in sentence
