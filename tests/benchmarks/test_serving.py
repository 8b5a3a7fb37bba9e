"""What CI asserts about speed: ratios, with much room for noise; `make benchmark` measures them properly."""

import statistics
import time

import numpy as np
import pytest
import requests
import torch
import torch.nn.functional as F

from back.main import create_app
from back.runtime.card import ONNX_FILE, read_card
from back.runtime.predictor import Predictor
from back.runtime.upsample import upsample_argmax
from modelisation.bundled_models import FOLDER
from modelisation.data.scenes import render_scene
from modelisation.latency import as_jpeg
from modelisation.models import load_bundle_model
from modelisation.taxonomy import STREET8
from tests.api import Store, empty_database, listening, wait_until
from tests.benchmarks.material import Material, save_for_transformers
from tests.benchmarks.measure import interleaved, ratio, timed
from tests.benchmarks.peers import OursOverHttp, TransformersPipeline
from tests.benchmarks.photos import LARGE_BUDGET, Case
from tests.benchmarks.usual import labels_of

__all__ = ["empty_database"]
SEGFORMER = FOLDER / "segformer"


@pytest.fixture(scope="module")
def street_scores() -> np.ndarray:
    """Scores float32 [8, 256, 512] with the outlines of a street: the colours of a rendered scene, compared."""
    scene = torch.from_numpy(np.array(render_scene(3, 512, 1024).image)).permute(2, 0, 1)[None].float()
    small_CHW = F.avg_pool2d(scene, 9, 2, 4)[0].numpy()
    colours = np.array([c.color for c in STREET8.classes], np.float32)
    return np.ascontiguousarray(-np.abs(small_CHW[None] - colours[:, :, None, None]).sum(1))


@pytest.mark.parametrize(("way", "at_least"), [("argmax", 8.0), ("max", 2.5)])
def test_labels_of_two_megapixels_cost_a_fraction_of_upsampling_the_scores(street_scores, way, at_least):
    scores = torch.from_numpy(street_scores)[None]

    def usual() -> torch.Tensor:
        upsampled = F.interpolate(scores, size=(1024, 2048), mode="bilinear", align_corners=False)
        return upsampled.argmax(1) if way == "argmax" else upsampled.max(1).indices

    def ours() -> np.ndarray:
        return upsample_argmax(street_scores, 1024, 2048, 256, 512)

    assert (ours() == usual()[0].numpy()).mean() > 0.9999
    times = interleaved({"usual": timed(usual), "ours": timed(ours)}, 9, pause_s=0.02)
    assert ratio(times["usual"], times["ours"])["median"] >= at_least


def test_http_adds_less_to_a_request_than_its_stages_take(tmp_path, empty_database):
    (tmp_path / "store" / "made").mkdir(parents=True)
    store = Store(tmp_path / "store")
    store.add("segformer", pixel_budget=LARGE_BUDGET)
    bundle = next(tmp_path.glob("store/made/*/segformer"))
    material = Material("segformer", read_card(bundle), bundle, bundle, None, bundle / ONNX_FILE)
    scene = render_scene(3, 512, 1024).image
    case = Case("scene", as_jpeg(np.kron(scene, np.ones((2, 2, 1), np.uint8))), 1024, 2048, None)
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


def test_the_served_runtime_beats_the_transformers_pipeline_with_the_same_answer(tmp_path):
    card = read_card(SEGFORMER)
    save_for_transformers(load_bundle_model(SEGFORMER).net, card, tmp_path)
    material = Material(card.name, card, SEGFORMER, tmp_path, tmp_path, SEGFORMER / ONNX_FILE)
    case = Case("scene", as_jpeg(render_scene(3, 360, 480).image), 360, 480, None)
    pipeline = TransformersPipeline(material, {})
    pipeline.use(case)
    predictor = Predictor.load(SEGFORMER)
    predictor.prepare(case.height, case.width)

    usual = labels_of(pipeline(case.data), np.array([c.color for c in STREET8.classes], np.uint8))
    ours = predictor.predict(case.data, 10**6).labels_HW
    # The pipeline squeezes the photo to a multiple of the stride where we pad it, so outlines differ.
    assert (usual == ours).mean() > 0.9
    times = interleaved(
        {
            "usual": timed(lambda: pipeline(case.data)),
            "ours": timed(lambda: predictor.predict(case.data, 10**6)),
        },
        5,
    )
    assert ratio(times["usual"], times["ours"])["median"] >= 2
