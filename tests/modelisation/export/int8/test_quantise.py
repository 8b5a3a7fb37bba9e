"""A bundle in int8: quantised by ONNX Runtime here, since what NNCF gives is a graph of the same operators."""

import base64
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from PIL import Image

from back.runtime.card import ONNX_FILE, Card, read_card, verify_files
from back.runtime.engines import create_engine
from back.runtime.engines.base import PrecisionError
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.__main__ import main
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.export.bundle import read_report
from modelisation.export.int8.graph import fold_casts, layers_in_int8, settle_axes
from modelisation.export.int8.quantise import input_tensor, quantise_bundle
from modelisation.export.parity import check_parity
from modelisation.export.self_test import HEIGHT, WIDTH
from tests.bundles import make_bundle
from tests.modelisation.nearest_colour import nearest_colour_is_known, write_noisy_stripes

__all__ = ["nearest_colour_is_known"]
HAS_NNCF = importlib.util.find_spec("nncf") is not None


class Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, photos: SegmentationDataset, card: Card) -> None:
        self._left = iter([{"image": input_tensor(sample.image, card.input)} for sample in photos])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def by_onnx_runtime(
    model: onnx.ModelProto,
    calibration: SegmentationDataset,
    validation: SegmentationDataset,
    card: Card,
    max_points: float,
) -> onnx.ModelProto:
    out = Path(calibration.items[0].image).parents[2] / "int8.onnx"
    quantize_static(model, out, Photos(calibration, card), QuantFormat.QDQ, per_channel=True)
    return onnx.load(out)


def spoilt(model: onnx.ModelProto, *rest: object) -> onnx.ModelProto:
    """As if int8 had ruined it: the scores upside down."""
    spoilt = onnx.ModelProto()
    spoilt.CopyFrom(model)
    for tensor in spoilt.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(tensor), tensor.name))
    return spoilt


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("source"), pixel_budget=48 * 96)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_noisy_stripes(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture(scope="module")
def quantised(source: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = open_dataset(data, "val")
    out = tmp_path_factory.mktemp("bundles") / "int8"
    return quantise_bundle(source, out, "small", photos, photos, compress=by_onnx_runtime)


def test_the_bundle_verifies_and_its_card_tells_what_was_done(quantised: Path, source: Path) -> None:
    card = read_card(quantised)
    verify_files(quantised, card)
    assert card.name == "small"
    record = card.quantisation
    assert record is not None
    assert (record.layers, record.of_layers) == (1, 1)
    assert (record.images, record.split) == (3, "val")
    assert record.source_sha256 == read_card(source).files[ONNX_FILE]
    assert record.miou[0] > 0.8
    assert record.miou[0] - record.miou[1] <= 0.005
    assert card.metrics is not None
    assert card.metrics.engine == "openvino int8"
    assert card.metrics.miou == pytest.approx(record.miou[1], abs=0.01)
    report = read_report(quantised)
    assert report["quantisation"]["miou"] == list(record.miou)
    assert report["parity"] is None  # that of the float network says nothing of this one


def test_a_card_without_it_stays_as_it_was(source: Path) -> None:
    assert "quantisation" not in json.loads(read_card(source).model_dump_json())


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_every_engine_serves_it_and_calls_it_int8(quantised: Path, kind: str) -> None:
    predictor = Predictor.load(quantised, engine=kind, precision="int8")  # type: ignore[arg-type]
    assert (predictor.engine.name, predictor.engine.precision) == (kind, "int8")
    assert predictor.predict(base64.b64decode(predictor.card.self_test.image_png), 10**6).labels_HW.shape == (
        HEIGHT,
        WIDTH,
    )


def test_int8_of_a_network_in_float_is_an_error_that_names_the_command(source: Path) -> None:
    with pytest.raises(PrecisionError, match="modelisation quantise"):
        create_engine(source, read_card(source), precision="int8")


def test_it_goes_through_the_parity_gate_with_its_own_limit(quantised: Path, data: Path) -> None:
    engines = (("onnxruntime", "fp32"), ("openvino", "fp32"))
    report = check_parity(quantised, open_dataset(data, "val"), engines=engines)  # type: ignore[arg-type]
    assert [row["precision"] for row in report["engines"]] == ["int8", "int8"]
    assert report["max_miou_points"] == 0.5
    assert report["passed"] is True


def test_what_loses_too_much_is_not_written(source: Path, data: Path, tmp_path: Path) -> None:
    photos = open_dataset(data, "val")
    with pytest.raises(UserError, match=r"loses \d+\.\d\d points of mIoU on .* where 0.5 may be lost"):
        quantise_bundle(source, tmp_path / "int8", "small", photos, photos, compress=spoilt)
    assert not (tmp_path / "int8").exists()


def test_nothing_is_written_over_and_int8_is_not_quantised_again(source: Path, quantised: Path, data: Path) -> None:
    photos = open_dataset(data, "val")
    with pytest.raises(UserError, match="is there already"):
        quantise_bundle(source, quantised, "small", photos, photos, compress=by_onnx_runtime)
    with pytest.raises(UserError, match="in int8 already"):
        quantise_bundle(quantised, quantised.parent / "twice", "small", photos, photos, compress=by_onnx_runtime)


def test_a_cast_of_a_constant_becomes_a_constant_and_the_scores_stay() -> None:
    half = onnx.numpy_helper.from_array(np.array([0.5, 2.25], np.float16), "half")
    picture, scores = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in ("image", "scores")
    )
    nodes = [
        onnx.helper.make_node("Cast", ["half"], ["whole"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Cast", ["image"], ["same"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Mul", ["same", "whole"], ["scores"]),
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "casts", [picture], [scores], [half]))
    evaluated = ReferenceEvaluator(model).run(None, {"image": np.array([3, 4], np.float32)})
    assert fold_casts(model) == 1
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Cast", "Mul"]
    np.testing.assert_array_equal(
        ReferenceEvaluator(model).run(None, {"image": np.array([3, 4], np.float32)}), evaluated
    )


def test_its_self_test_holds_what_its_own_network_says(quantised: Path) -> None:
    test = read_card(quantised).self_test
    with Image.open(io.BytesIO(base64.b64decode(test.image_png))) as png:
        picture = np.asarray(png)
    with Image.open(io.BytesIO(base64.b64decode(test.labels_png))) as png:
        labels = np.asarray(png)
    by_onnx_runtime = Predictor.load(quantised, engine="onnxruntime").predict_array(picture).labels_HW
    np.testing.assert_array_equal(labels, by_onnx_runtime)


def test_axes_are_counted_from_the_front(quantised: Path) -> None:
    model = onnx.load(quantised / ONNX_FILE)
    weight = next(n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0].startswith("weight"))
    (axis,) = (a for a in weight.attribute if a.name == "axis")
    settled, axis.i = axis.i, axis.i - 4
    assert settle_axes(model) == 1
    assert axis.i == settled
    assert settle_axes(model) == 0


def test_layers_in_float_are_not_counted(source: Path) -> None:
    assert layers_in_int8(onnx.load(source / ONNX_FILE)) == (0, 1)


@pytest.mark.skipif(HAS_NNCF, reason="NNCF is installed here")
def test_without_nncf_one_sentence_says_how_to_get_it(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--calibration-split", "val", "--out", str(tmp_path / "int8")]
    assert main(["quantise", str(source), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install -r modelisation/export/int8/requirements.txt" in error


@pytest.mark.skipif(not HAS_NNCF, reason="NNCF is an extra: modelisation/export/int8/requirements.txt")
def test_nncf_makes_a_bundle_that_serves(
    source: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--calibration-split", "val", "--out", str(tmp_path / "int8")]
    assert main(["quantise", str(source), *arguments]) == 0
    assert "1 of 1 layers in int8" in capsys.readouterr().out
    assert Predictor.load(tmp_path / "int8").engine.precision == "int8"
