"""The parity gate, with a network that exists in PyTorch and in ONNX alike, and with one that does not."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

pytest.importorskip("torch", reason="torch is only in the training environment")

from torch import Tensor, nn
from torch.nn import functional

from back.runtime.card import CARD_FILE, REPORT_FILE, WEIGHTS_FILE, read_card, sha256_of, verify_files
from back.runtime.engines.base import EngineKind, Precision
from modelisation import models
from modelisation.commands.promote import add_arguments, run, sample_evenly, store_parity
from modelisation.data.open import open_dataset
from modelisation.export.gate import engine_passes, parity_failure, read_report
from modelisation.export.parity import check_parity, format_parity
from modelisation.models.base import SegmentationModel
from modelisation.registry.bundles import register_bundle, resolve_model
from tests.api import Store, empty_database, store  # noqa: F401
from tests.bundles import make_bundle, paint, rewrite_card, stripes

FP32: tuple[tuple[EngineKind, Precision], ...] = (("onnxruntime", "fp32"), ("openvino", "fp32"))


class NearestColour(SegmentationModel):
    """The test bundles' network in PyTorch."""

    architecture = "nearest-colour"

    def __init__(self, num_classes: int, classes: int) -> None:
        super().__init__(num_classes)
        self.head = nn.Conv2d(3, classes, 1)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(functional.avg_pool2d(image_NCHW, 4))

    def encoder_layers(self) -> list[list[nn.Module]]:
        return []


@pytest.fixture(autouse=True)
def nearest_colour_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.ARCHITECTURES, "nearest-colour", NearestColour)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, parity=False)


@pytest.fixture
def data(tmp_path: Path, bundle: Path) -> Path:
    """Three noisy pictures whose labels are right."""
    rng = np.random.default_rng(1)
    labels = stripes(100, 200, 8)
    for name in ("images", "labels"):
        (tmp_path / "data" / "val" / name).mkdir(parents=True)
    for i in range(3):
        clean = paint(labels, read_card(bundle).taxonomy).astype(int)
        noisy = np.clip(clean + rng.integers(-30, 31, clean.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(tmp_path / "data" / "val" / "images" / f"{i}.png")
        Image.fromarray(labels).save(tmp_path / "data" / "val" / "labels" / f"{i}.png")
    return tmp_path / "data"


def spoil_torch_weights(bundle: Path) -> None:
    """Other weights for PyTorch than for ONNX, in a bundle that is consistent otherwise."""
    weights = load_file(bundle / WEIGHTS_FILE)
    weights["head.bias"] = weights["head.bias"] + np.linspace(0, 0.5, 8, dtype=np.float32)
    save_file(weights, bundle / WEIGHTS_FILE)
    files = read_card(bundle).files | {WEIGHTS_FILE: sha256_of(bundle / WEIGHTS_FILE)}
    rewrite_card(bundle, files=files)


def test_same_network_passes_on_every_engine(bundle: Path, data: Path) -> None:
    report = check_parity(bundle, open_dataset(data, "val"))
    assert report["passed"] is True
    ran = {(row["engine"], row["precision"]) for row in report["engines"]}
    skipped = {(row["engine"], row["precision"]) for row in report["skipped"]}
    assert ran >= set(FP32)
    assert ran | skipped == {*FP32, ("openvino", "bf16")}
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
        ("int8", 0.995, 0.31, False),
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


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_stores_the_report_and_says_that_it_passed(
    bundle: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parse(str(bundle), "--data", str(data), "--no-register", "--images", "2")) == 0
    assert capsys.readouterr().out.rstrip().endswith("passed")
    assert read_report(bundle)["parity"]["passed"] is True


def test_command_refuses_to_promote_what_fails(
    bundle: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "store" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    spoil_torch_weights(bundle)
    assert run(parse(str(bundle), "--data", str(data))) == 1
    assert "not promoted" in capsys.readouterr().out
    assert not database.exists()
    assert json.loads((bundle / REPORT_FILE).read_text(encoding="utf-8"))["parity"]["passed"] is False
    assert (bundle / CARD_FILE).is_file()


def test_registered_candidate_becomes_champion_with_its_report(
    bundle: Path,
    data: Path,
    tmp_path: Path,
    store: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    registered = register_bundle(bundle, tracking_uri=store.uri, alias="candidate")
    assert run(parse("nearest-colour", "--data", str(data))) == 0
    champion = resolve_model("models:/nearest-colour@champion", cache_dir=tmp_path / "cache")
    assert parity_failure(champion) is None
    candidate = resolve_model("models:/nearest-colour@candidate", cache_dir=tmp_path / "cache")
    assert parity_failure(candidate) is not None
    version = store.client.get_model_version_by_alias("nearest-colour", "champion")
    assert version.run_id == registered.run_id
    experiment = store.client.get_run(registered.run_id).info.experiment_id
    assert len(store.client.search_runs([experiment])) == 1
