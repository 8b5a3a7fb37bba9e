"""The engine for NVIDIA cards without one: what it says then, and its whole path on the provider for processors."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from back.runtime import proof
from back.runtime.card import ONNX_FILE, read_card
from back.runtime.engines import create_engine
from back.runtime.engines import cuda as cuda_module
from back.runtime.engines.base import DeviceError, LabellingEngine, PrecisionError
from back.runtime.engines.cuda import CUDA, PROCESSOR, TENSORRT, CudaEngine
from back.runtime.engines.onnxruntime import OnnxRuntimeEngine
from back.runtime.predictor import Predictor
from back.runtime.upsample import ScoresError
from tests.bundles import make_bundle, paint, stripes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"))


def on_processor(bundle: Path) -> CudaEngine:
    return CudaEngine(bundle, read_card(bundle), "auto", 1, None, "tested", provider=PROCESSOR)


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="ONNX Runtime for NVIDIA cards is here")
def test_without_a_card_one_sentence_says_what_is_missing(bundle: Path) -> None:
    with pytest.raises(DeviceError, match=r"back/gpu/requirements\.in, or set the engine to auto") as caught:
        create_engine(bundle, read_card(bundle), kind="cuda")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_is_installed_and_finds_no_card_is_told(bundle: Path) -> None:
    with pytest.raises(DeviceError, match="no NVIDIA card that works"):
        CudaEngine(bundle, read_card(bundle), "auto", 1, None, "tested", provider="AzureExecutionProvider")


def test_tensorrt_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [TENSORRT, CUDA, PROCESSOR]  # ONNX Runtime names it where its library is not there
    monkeypatch.setattr(cuda_module, "_has_tensorrt", lambda: False)
    assert cuda_module._provider(both) == CUDA
    monkeypatch.setattr(cuda_module, "_has_tensorrt", lambda: True)
    assert cuda_module._provider(both) == TENSORRT
    names = [entry[0] for entry in cuda_module._providers(TENSORRT, Path("cache"))[:2]]
    assert names == [TENSORRT, CUDA]


def test_bf16_is_an_error(bundle: Path) -> None:
    with pytest.raises(PrecisionError, match="fp32"):
        create_engine(bundle, read_card(bundle), kind="cuda", precision="bf16")


def test_scores_are_those_of_onnx_runtime(bundle: Path) -> None:
    usual = OnnxRuntimeEngine(bundle, read_card(bundle), "fp32", 1, "tested")
    for size in ((32, 32), (64, 160)):
        np.testing.assert_allclose(on_processor(bundle).run(picture(*size)), usual.run(picture(*size)), atol=2e-5)


@pytest.mark.parametrize("size", [(97, 161), (64, 128), (33, 300)])
def test_labels_are_those_that_the_processor_makes_of_the_scores(bundle: Path, size: tuple[int, int]) -> None:
    by_processor = Predictor.load(bundle, engine="onnxruntime")
    by_device = replace(by_processor, engine=on_processor(bundle))
    assert isinstance(by_device.engine, LabellingEngine)
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    ours, theirs = by_device.predict_array(image), by_processor.predict_array(image)
    assert ours.labels_HW.shape == size
    assert ours.labels_HW.dtype == np.uint8
    assert (ours.labels_HW == theirs.labels_HW).mean() > 0.9995
    assert set(ours.timings_ms) == set(theirs.timings_ms)
    with_confidence = by_device.predict_array(image, confidence=True)
    np.testing.assert_array_equal(with_confidence.labels_HW, theirs.labels_HW)


def test_a_clip_is_labelled_by_the_same_session(bundle: Path) -> None:
    usual = Predictor.load(bundle, engine="onnxruntime")
    image = paint(stripes(48, 96, 8), usual.card.taxonomy)
    steady = replace(usual, engine=on_processor(bundle)).steady(48, 96)
    np.testing.assert_array_equal(steady.predict_array(image).labels_HW, usual.predict_array(image).labels_HW)


def test_pictures_that_wait_go_through_as_one_batch_and_get_their_own_labels(bundle: Path) -> None:
    engine = on_processor(bundle)
    pictures = [picture(64, 64, seed) for seed in range(6)]
    alone = [engine.labels(image, 50, 60, 12.5, 15.0) for image in pictures]
    sizes: list[int] = []
    together = engine._run_all
    engine._batches._run_all = lambda requests: sizes.append(len(requests)) or together(requests)
    with engine._batches._device, ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(engine.labels, image, 50, 60, 12.5, 15.0) for image in pictures]
        while len(engine._batches._waiting) < len(pictures):
            pass
        engine._batches._device.release()
        found = [future.result(20) for future in waiting]
        engine._batches._device.acquire()
    assert sizes == [6]
    for mine, expected in zip(found, alone, strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_a_network_for_one_picture_at_a_time_gets_one_at_a_time(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    model = onnx.load(bundle / ONNX_FILE)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, bundle / ONNX_FILE)
    assert on_processor(bundle)._batches._most == 1


def test_scores_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, bias=float("inf"))
    whole = make_bundle(tmp_path / "whole")
    predictor = replace(Predictor.load(whole, engine="onnxruntime"), engine=on_processor(bundle))
    with pytest.raises(ScoresError, match="NaN or infinity"):
        predictor.predict_array(picture(40, 40)[0])


def test_a_bundle_is_proven_where_onnx_runtime_for_cards_stands_in_the_others_place(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {"openvino": "1", "numpy": "1"}

    def version(library: str) -> str:
        if library not in installed:
            raise PackageNotFoundError(library)
        return installed[library]

    monkeypatch.setattr(proof, "version", version)
    keys = {proof._key(bundle, {})}
    for library in ("onnxruntime", "onnxruntime-gpu"):
        keys.add(proof._key(bundle, {}))
        installed[library] = "1"
    keys.add(proof._key(bundle, {}))
    assert len(keys) == 3
