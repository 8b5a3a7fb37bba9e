import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime
import pytest

from back.runtime import engines as engine_module
from back.runtime.card import ONNX_FILE, BundleError, read_card
from back.runtime.engines import create_engine
from back.runtime.engines.base import PrecisionError
from back.runtime.engines.hot_sizes import NEARLY_ALL, WINDOW
from back.runtime.engines.openvino import OpenVinoEngine
from back.runtime.engines.openvino_network import Network
from back.runtime.process.threads import available_cpus
from tests.bundles import MEAN, STD, make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles"))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)


def reference(bundle, image_NHWC):
    """Scores of the ONNX file itself on the input normalised in float64."""
    x = ((image_NHWC / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    return onnxruntime.InferenceSession(bundle / ONNX_FILE).run(None, {"image": x})[0][0]


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("size", [(32, 32), (64, 160), (352, 480)])
def test_fp32_scores_equal_those_of_the_file(bundle, kind, size):
    engine = create_engine(bundle, read_card(bundle), kind=kind, precision="fp32")
    scores = engine.run(picture(*size))
    assert (engine.name, engine.precision) == (kind, "fp32")
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, reference(bundle, picture(*size)), atol=2e-5)


def test_auto_takes_openvino_and_says_why(bundle):
    engine = create_engine(bundle, read_card(bundle))
    assert engine.name == "openvino"
    assert "OpenVINO is the fastest" in engine.reason
    assert "bf16" in engine.reason


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_an_engine_says_how_many_threads_it_computes_with(bundle, kind):
    assert create_engine(bundle, read_card(bundle), kind=kind, threads=1).threads == 1
    assert create_engine(bundle, read_card(bundle), kind=kind).threads == available_cpus()


def test_bf16_scores_are_close(bundle):
    card = read_card(bundle)
    engine = create_engine(bundle, card)
    if engine.precision != "bf16":
        pytest.skip("this processor has no bf16 arithmetic")
    np.testing.assert_allclose(engine.run(picture(64, 64)), reference(bundle, picture(64, 64)), atol=0.05)


def test_auto_falls_back_to_onnx_runtime_where_openvino_fails(bundle, monkeypatch):
    def broken(*args):
        raise BundleError("no such operation")

    monkeypatch.setattr(engine_module, "OpenVinoEngine", broken)
    engine = create_engine(bundle, read_card(bundle))
    assert engine.name == "onnxruntime"
    assert "no such operation" in engine.reason


def test_bf16_of_onnx_runtime_is_an_error(bundle):
    with pytest.raises(PrecisionError, match="computes in fp32"):
        create_engine(bundle, read_card(bundle), kind="onnxruntime", precision="bf16")


@pytest.mark.parametrize("kind", ["auto", "openvino", "onnxruntime"])
def test_a_broken_file_is_a_bundle_error_of_one_sentence(tmp_path, kind):
    bundle = make_bundle(tmp_path)
    (bundle / ONNX_FILE).write_bytes(b"not a network")
    with pytest.raises(BundleError, match="export the bundle again") as caught:
        create_engine(bundle, read_card(bundle), kind=kind)
    assert str(caught.value).startswith(str(bundle / ONNX_FILE))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_other_tensor_names_are_a_bundle_error(tmp_path, kind):
    bundle = make_bundle(tmp_path)
    model = onnx.load(bundle / ONNX_FILE)
    model.graph.output[0].name = model.graph.node[-1].output[0] = "logits"
    onnx.save(model, bundle / ONNX_FILE)
    with pytest.raises(BundleError, match="logits"):
        create_engine(bundle, read_card(bundle), kind=kind)


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_many_threads_get_their_own_scores(bundle, kind):
    engine = create_engine(bundle, read_card(bundle), kind=kind, precision="fp32")
    pictures = [picture(32 * (1 + i % 3), 64, i) for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(engine.run, pictures))
    for image, scores in zip(pictures, results, strict=True):
        np.testing.assert_allclose(scores, reference(bundle, image), atol=2e-5)


def test_scores_outlive_the_next_run(bundle):
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32")
    first = engine.run(picture(64, 64, 1))
    kept = first.copy()
    for seed in range(2, 6):
        engine.run(picture(64, 64, seed))
    np.testing.assert_array_equal(first, kept)


def test_compiled_models_are_cached_on_disk(bundle, tmp_path):
    cache = tmp_path / "deep" / "cache"
    for _ in range(2):
        engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32", cache_dir=cache)
        np.testing.assert_allclose(engine.run(picture(32, 64)), reference(bundle, picture(32, 64)), atol=2e-5)
    assert len(list(cache.iterdir())) == 1


def test_a_fixed_size_network_runs_at_its_size(tmp_path):
    bundle = make_bundle(tmp_path, fixed_size=(64, 96))
    for kind in ("openvino", "onnxruntime"):
        engine = create_engine(bundle, read_card(bundle), kind=kind, precision="fp32")
        np.testing.assert_allclose(engine.run(picture(64, 96)), reference(bundle, picture(64, 96)), atol=2e-5)


def with_transpose(bundle):
    """The same network with two transposes that undo each other: what OpenVINO is slow at with open sizes."""
    model = onnx.load(bundle / ONNX_FILE)
    model.graph.node[0].input[0] = "back"
    for i, (source, target) in enumerate((("image", "turned"), ("turned", "back"))):
        node = onnx.helper.make_node("Transpose", [source], [target], perm=[0, 1, 3, 2])
        model.graph.node.insert(i, node)
    onnx.save(model, bundle / ONNX_FILE)
    return bundle


def test_networks_for_hot_sizes_give_the_same_scores(tmp_path):
    bundle = with_transpose(make_bundle(tmp_path))
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32")
    assert isinstance(engine, OpenVinoEngine)
    before = engine.run(picture(96, 64))
    engine.prepare(96, 64)
    assert engine._hot_sizes.network_for((96, 64)) is not None
    np.testing.assert_allclose(engine.run(picture(96, 64)), before, atol=1e-5)
    np.testing.assert_allclose(engine.run(picture(64, 32)), reference(bundle, picture(64, 32)), atol=2e-5)


def until_there_are(networks, count):
    end = time.monotonic() + 30
    while len(networks()) < count:
        assert time.monotonic() < end, f"waited for {count} networks"
        time.sleep(0.01)
    return networks()


def test_a_network_of_convolutions_gets_one_for_the_size_that_nearly_all_photos_have(bundle):
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32", threads=1)
    for _ in range(NEARLY_ALL - 1):
        scores = engine.run(picture(96, 64))
    assert engine._hot_sizes.networks() == []
    engine.run(picture(96, 64))
    (network,) = until_there_are(engine._hot_sizes.networks, 1)
    assert engine._network_for((96, 64), others=0) is network
    np.testing.assert_allclose(network.run(picture(96, 64)), scores, atol=2e-5)


@pytest.fixture
def released(monkeypatch):
    """The networks that gave their memory back, in order."""
    networks = []
    original = Network.release_memory
    monkeypatch.setattr(Network, "release_memory", lambda self: (networks.append(self), original(self)))
    return networks


def test_the_network_for_any_size_gives_its_memory_back_when_one_for_a_size_is_added(tmp_path, released):
    bundle = with_transpose(make_bundle(tmp_path))
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32")
    engine.prepare(96, 64)
    assert released == [engine._any_size]
    np.testing.assert_allclose(engine.run(picture(64, 32)), reference(bundle, picture(64, 32)), atol=2e-5)


def crowd(engine, image, count):
    """So many runs of which each comes while another is there."""
    with engine._streams.others_running():
        return [engine.run(image) for _ in range(count)]


def until_streams(engine, image):
    crowd(engine, image, WINDOW)
    return until_there_are(engine._streams._hot_size.networks, 1)[0]


@pytest.mark.parametrize("transposes", [False, True])
def test_requests_that_come_while_another_runs_share_the_threads_and_get_the_same_scores(tmp_path, transposes):
    bundle = make_bundle(tmp_path)
    if transposes:
        with_transpose(bundle)
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32", threads=2)
    streams = until_streams(engine, picture(96, 64))
    assert int(streams._compiled.get_property("NUM_STREAMS")) == 2
    assert int(streams._compiled.get_property("INFERENCE_NUM_THREADS")) == 2
    ran = []
    streams.run = lambda image: ran.append(1) or type(streams).run(streams, image)
    (scores,) = crowd(engine, picture(96, 64, 7), 1)
    assert ran == [1]
    np.testing.assert_allclose(scores, reference(bundle, picture(96, 64, 7)), atol=2e-5)
    engine.prepare(96, 64)
    alone = engine.run(picture(96, 64, 7))
    if transposes:  # then it was a network for this one size, too
        np.testing.assert_array_equal(scores, alone)
    crowd(engine, picture(64, 64), 1)  # of another size
    assert ran == [1]


def test_who_comes_alone_never_causes_streams(bundle):
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32", threads=2)
    for _ in range(2 * WINDOW):
        engine.run(picture(64, 64))
    assert engine._streams._hot_size._recent.count(None) == WINDOW
    assert not engine._streams._hot_size.networks()


def test_one_thread_is_not_shared(bundle):
    assert create_engine(bundle, read_card(bundle), kind="openvino", threads=1)._streams is None


def test_an_engine_counts_out_whoever_fails(bundle):
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32", threads=2)
    with pytest.raises(RuntimeError):
        engine.run(np.zeros((1, 33, 32, 1), np.uint8))
    assert engine._streams._running == 0


@pytest.mark.parametrize(("processors", "pinned"), [(1, True), (2, False)])
def test_threads_of_a_part_of_the_processors_are_not_all_bound_to_the_first(bundle, monkeypatch, processors, pinned):
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    engine = create_engine(bundle, read_card(bundle), kind="openvino", threads=1)
    assert engine._any_size._compiled.get_property("ENABLE_CPU_PINNING") is pinned
