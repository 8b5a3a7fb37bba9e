"""What CI asserts about speed: ratios, with much room for noise; `make benchmark` measures them properly.

That /healthz answers while all processors work is asserted in tests/hostile/test_load.py, the memory and the time to
/readyz by the benchmark alone: they are no ratios.
"""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
import torch
import torch.nn.functional as F
from PIL import Image

from back.main import create_app
from back.runtime.card import ONNX_FILE, read_card
from back.runtime.masks.png import encode_palette_png
from back.runtime.predictor import Predictor
from back.runtime.process.threads import available_cpus
from back.runtime.taxonomy import STREET8
from back.runtime.upsample import upsample_argmax
from modelisation.evaluation.latency import as_jpeg
from modelisation.models import load_bundle_model
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.scenes.render import render_scene
from tests.api import Store, empty_database, listening, trusted, wait_until
from tests.benchmarks.agreement import Reference
from tests.benchmarks.material import Material, save_for_transformers
from tests.benchmarks.measure import interleaved, ratio, timed
from tests.benchmarks.peers import OnnxRuntime, OursOverHttp, TorchEager, TransformersPipeline
from tests.benchmarks.photos import LARGE_BUDGET, Case
from tests.benchmarks.usual import labels_of

__all__ = ["empty_database", "trusted"]
SEGFORMER = FOLDER / "segformer"


@pytest.fixture(autouse=True)
def every_processor() -> Iterator[None]:
    """PyTorch computes with as many threads as the runtime does; as one of several workers it has but one."""
    before = torch.get_num_threads()
    torch.set_num_threads(available_cpus())
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def street_scores() -> np.ndarray:
    """Scores float32 [8, 256, 512] with the outlines of a street: the colours of a rendered scene, compared."""
    scene = torch.from_numpy(np.array(render_scene(3, 512, 1024).image)).permute(2, 0, 1)[None].float()
    small_CHW = F.avg_pool2d(scene, 9, 2, 4)[0].numpy()
    colours = np.array([c.color for c in STREET8.classes], np.float32)
    return np.ascontiguousarray(-np.abs(small_CHW[None] - colours[:, :, None, None]).sum(1))


@pytest.mark.alone
@pytest.mark.parametrize(("way", "at_least"), [("argmax", 8.0), ("max", 2.5)])
def test_labels_of_two_megapixels_cost_a_fraction_of_upsampling_the_scores(street_scores, way, at_least):
    scores = torch.from_numpy(street_scores)[None]

    def usual() -> torch.Tensor:
        upsampled = F.interpolate(scores, size=(1024, 2048), mode="bilinear", align_corners=False)
        return upsampled.argmax(1) if way == "argmax" else upsampled.max(1).indices

    def ours() -> np.ndarray:
        return upsample_argmax(street_scores, 1024, 2048, 256, 512)

    assert (ours() == usual()[0].numpy()).mean() > 0.9999
    times = interleaved({"usual": timed(usual), "ours": timed(ours)}, 5, pause_s=0.02)
    assert ratio(times["usual"], times["ours"])["median"] >= at_least


@pytest.mark.alone
def test_scores_that_are_all_boundary_cost_no_more_than_upsampling_them():
    scores_CHW = np.random.default_rng(0).standard_normal((8, 256, 512), np.float32)
    scores = torch.from_numpy(scores_CHW)[None]

    def usual() -> torch.Tensor:
        return F.interpolate(scores, size=(1024, 2048), mode="bilinear", align_corners=False).argmax(1)

    def ours() -> np.ndarray:
        return upsample_argmax(scores_CHW, 1024, 2048, 256, 512)

    assert (ours() == usual()[0].numpy()).mean() > 0.9999
    times = interleaved({"usual": timed(usual), "ours": timed(ours)}, 5, pause_s=0.02)
    assert ratio(times["usual"], times["ours"])["median"] >= 1


@pytest.mark.alone
def test_http_adds_less_to_a_request_than_its_stages_take(tmp_path, empty_database):
    (tmp_path / "store" / "made").mkdir(parents=True)
    store = Store(tmp_path / "store")
    store.add("segformer", pixel_budget=LARGE_BUDGET)
    bundle = next(tmp_path.glob("store/made/*/segformer"))
    material = Material("segformer", read_card(bundle), bundle, bundle, None, bundle / ONNX_FILE)
    scene = render_scene(3, 512, 1024).image
    case = Case("scene", as_jpeg(enlarged(scene)), 1024, 2048, None)
    with listening(create_app(store.settings())) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200, "the API")
        peer = OursOverHttp(material, {None: url})
        peer.use(case)
        outside = []
        for _ in range(15):
            start = time.perf_counter()
            peer(case.data)
            whole = (time.perf_counter() - start) * 1e3
            outside.append(whole / sum(peer.stages().values()))
    assert statistics.median(outside) < 1.8


@pytest.mark.alone
def test_the_served_runtime_beats_the_transformers_pipeline_with_the_same_answer(tmp_path):
    card = read_card(SEGFORMER)
    save_for_transformers(load_bundle_model(SEGFORMER).net, card, tmp_path)
    material = Material(card.name, card, SEGFORMER, tmp_path, tmp_path, SEGFORMER / ONNX_FILE)
    # Of the network's own size: another one the pipeline squeezes to a multiple of the stride, where we pad it.
    case = Case("scene", as_jpeg(render_scene(3, 384, 480).image), 384, 480, 384 * 480)
    pipeline = TransformersPipeline(material, {})
    pipeline.use(case)
    predictor = Predictor.load(SEGFORMER, pixel_budget=case.pixel_budget)
    predictor.prepare(case.height, case.width)

    usual = labels_of(pipeline(case.data), np.array([c.color for c in STREET8.classes], np.uint8))
    ours = predictor.predict(case.data, 10**6).labels_HW
    assert (usual == ours).mean() > 0.98
    times = interleaved(
        {
            "usual": timed(lambda: pipeline(case.data)),
            "ours": timed(lambda: predictor.predict(case.data, 10**6)),
        },
        3,
    )
    assert ratio(times["usual"], times["ours"])["median"] >= 2


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "peer", "at_least"), [("deeplabv3plus", TorchEager, 2.0), ("segformer", OnnxRuntime, 1.2)]
)
def test_the_served_runtime_beats_the_usual_steps_around(name, peer, at_least, tmp_path):
    bundle = FOLDER / name
    torch.save(load_bundle_model(bundle).net, tmp_path / "model.pth")
    # ONNX Runtime gets our folded file here, which takes the longest part of the difference out of it.
    material = Material(name, read_card(bundle), bundle, tmp_path / "model.pth", None, bundle / ONNX_FILE)
    case = Case("scene", as_jpeg(enlarged(render_scene(3, 512, 1024).image)), 1024, 2048, LARGE_BUDGET)
    way = peer(material, {})
    way.use(case)
    predictor = Predictor.load(bundle, pixel_budget=LARGE_BUDGET)
    predictor.prepare(case.height, case.width)

    palette = np.array([c.color for c in STREET8.classes], np.uint8)
    labels_HW = labels_of(way(case.data), palette)
    assert (labels_HW == predictor.predict(case.data, 1 << 22).labels_HW).mean() > 0.9

    def ours() -> bytes:
        return encode_palette_png(predictor.predict(case.data, 1 << 22).labels_HW, palette)

    times = interleaved({"usual": timed(lambda: way(case.data)), "ours": timed(ours)}, 3)
    assert ratio(times["usual"], times["ours"])["median"] >= at_least


def test_served_labels_are_those_of_pytorch_on_the_same_tensor():
    # Both in fp32: bf16 moves more labels on a rendered scene than on photos, which the networks were trained on.
    for bundle in find_bundles(FOLDER):
        card = read_card(bundle)
        case = Case("scene", as_jpeg(render_scene(3, 512, 1024).image), 512, 1024, None)
        expected_HW = Reference(load_bundle_model(bundle), card).labels(case)
        predictor = Predictor.load(bundle, precision="fp32")
        assert (predictor.predict(case.data, 1 << 22).labels_HW == expected_HW).mean() > 0.999, card.name


@pytest.mark.alone
def test_many_clients_keep_the_engine_as_busy_as_it_is_alone():
    predictor = Predictor.load(SEGFORMER)
    data = as_jpeg(render_scene(3, 360, 480).image)
    tensor_NHWC = np.zeros((1, 384, 480, 3), np.uint8)
    predictor.prepare(360, 480)

    def ours() -> None:
        predictor.predict(data, 1 << 20)

    def four_clients() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: ours(), range(4)))

    def bare() -> None:
        for _ in range(4):
            predictor.engine.run(tensor_NHWC)

    ours()
    times = interleaved({"bare": timed(bare), "clients": timed(four_clients)}, 3)
    assert ratio(times["bare"], times["clients"])["median"] >= 0.6


def enlarged(image_HWC: np.ndarray) -> np.ndarray:
    """Twice as wide and high."""
    return np.asarray(Image.fromarray(image_HWC).resize((2048, 1024), Image.Resampling.LANCZOS))
