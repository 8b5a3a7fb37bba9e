"""Models that take too much time, memory or disk: each fails alone, in a process of its own, and the others serve."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper, numpy_helper

from back import downloads, loading, loads, registry
from back.catalogue import ModelVersion
from back.loads import Loads
from back.registry import ModelRegistry
from back.runtime import proof
from back.runtime.bundle_cache import download_here
from back.runtime.card import CARD_FILE, BundleError
from back.runtime.errors import UserError
from back.runtime.process import bounded, deadline
from back.runtime.proof import Limits, prove
from tests.api import Store, wait_until
from tests.bundles import make_bundle
from tests.hostile.figures import figure, rss_mb
from tests.hostile.poison import change_network, register_unchecked

OPTIONS = {"engine": "openvino", "precision": "fp32", "threads": 1}
LIMITS = Limits(60, 2_000_000_000)


def _grow(bundle: Path, numbers: int) -> Path:
    """Let a network make so many numbers of each input, which adds nothing to its file."""

    def change(model) -> None:  # type: ignore[no-untyped-def]
        graph = model.graph
        graph.initializer.append(numpy_helper.from_array(np.array([numbers // 1000, 1, 1000, 1], np.int64), "many"))
        first = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
        graph.node.extend(
            [
                helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=1),
                helper.make_node("Constant", [], ["zero"], value=first),
                helper.make_node("Tile", ["mean", "many"], ["tiled"]),
                helper.make_node("Sqrt", ["tiled"], ["roots"]),
                helper.make_node("ReduceMax", ["roots"], ["most"], keepdims=0),
                helper.make_node("Mul", ["most", "zero"], ["nothing"]),
                helper.make_node("Add", ["unfinished", "nothing"], ["scores"]),
            ]
        )
        graph.node[1].output[0] = "unfinished"

    return change_network(bundle, change)


def test_a_bundle_that_passed_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = make_bundle(tmp_path)
    prove(bundle, OPTIONS, tmp_path / "cache", LIMITS)
    assert list((tmp_path / "cache" / "compiled").iterdir())
    monkeypatch.setattr(proof, "run_bounded", lambda *_, **__: pytest.fail("it was tried again"))
    prove(bundle, OPTIONS, tmp_path / "cache", LIMITS)
    (mark,) = (tmp_path / "cache" / "proven").iterdir()
    mark.write_bytes(b"\0")
    with pytest.raises(BaseException, match="tried again"):
        prove(bundle, OPTIONS, tmp_path / "cache", LIMITS)


def test_a_network_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    bundle, start = _grow(make_bundle(tmp_path), 400_000_000), time.monotonic()
    with pytest.raises(bounded.TooMuchMemoryError, match="it needs more than 600 MB of memory"):
        prove(bundle, OPTIONS, tmp_path / "cache", Limits(60, 600_000_000))
    figure(
        "a model that takes too much memory", tried=1, refused=1, worst_s=time.monotonic() - start, worst_mb=rss_mb()
    )
    assert not (tmp_path / "cache" / "proven").exists()


def test_a_trial_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(bounded.UnfinishedError, match=r"longer than 0\.2 s"):
        prove(make_bundle(tmp_path), OPTIONS, tmp_path / "cache", Limits(0.2, 2_000_000_000))
    figure(
        "a model that takes longer than 0.2 s",
        tried=1,
        refused=1,
        worst_s=time.monotonic() - start,
        worst_mb=rss_mb(),
    )
    assert time.monotonic() - start < 20


def test_a_trial_ends_with_the_service(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(bounded.UnfinishedError, match="being stopped"):
        prove(make_bundle(tmp_path), OPTIONS, tmp_path / "cache", LIMITS, stop)


def test_a_network_that_takes_only_some_photos_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)

    def at_one_size_only(model) -> None:  # type: ignore[no-untyped-def]
        graph = model.graph
        shape = numpy_helper.from_array(np.array([1, 8, 32, 64], np.int64), "shape")
        graph.initializer.append(shape)
        graph.node[1].output[0] = "any"
        graph.node.append(helper.make_node("Reshape", ["any", "shape"], ["scores"]))

    change_network(bundle, at_one_size_only)
    with pytest.raises(UserError, match="fails on a photo of 37 x 100 pixels"):
        prove(bundle, OPTIONS, tmp_path / "cache", LIMITS)


def test_a_model_that_hangs_keeps_no_other_from_loading_or_being_followed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, hung = threading.Event(), []

    def hanging(bundle: Path, *_: object) -> None:
        if b'"hangs' in (bundle / CARD_FILE).read_bytes():
            hung.append(bundle)
            hang.wait(60)

    monkeypatch.setattr(loading, "prove", hanging)
    monkeypatch.setattr(loads, "SLOW_S", 0.2)
    monkeypatch.setattr(registry, "READY_S", 0.5)
    for name in ("hangs-1", "hangs-2", "hangs-3"):
        store.add(name)
    store.add("segformer")
    models = ModelRegistry(store.settings())
    try:
        models.sync(0)
        wait_until(lambda: "segformer" in models.served, "the good model")
        assert len(hung) == 3
        time.sleep(0.5)
        models.sync(0)
        assert models.reason_not_ready() is None
        store.add("segformer", bias=1)
        models.sync(0)
        wait_until(lambda: models.served["segformer"].version.version == "2", "the new version")
    finally:
        hang.set()
        models.close()


def test_loads_that_are_quick_take_turns() -> None:
    loads_, running, most = Loads(), [], []

    def load() -> None:
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()

    for number in range(6):
        loads_.start(ModelVersion("m", str(number), None, 0), load)
    loads_.wait(None)
    loads_.close()
    assert len(most) == 6
    assert max(most) <= loads.AT_ONCE


@contextmanager
def _dripping() -> Iterator[str]:
    """A server that answers a byte at a time, without end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve(client: socket.socket) -> None:
            with client:
                try:
                    client.recv(65536)
                    client.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
                    )
                    while not over.wait(0.05):
                        client.sendall(b" ")
                except OSError:
                    return

        def accept() -> None:
            while not over.is_set():
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()


def test_mlflow_that_drips_is_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ASK_S", 0.5)
    with _dripping() as uri:
        models = ModelRegistry(store.settings(mlflow_tracking_uri=uri))
        _ = models.client
        start = time.monotonic()
        models.sync()
        assert time.monotonic() - start < 10
        assert "does not answer" in str(models.mlflow_error)


def test_questions_that_nobody_answers_do_not_pile_up() -> None:
    over = threading.Event()
    try:
        for _ in range(deadline.MAX_ABANDONED):
            with pytest.raises(TimeoutError):
                deadline.within(0.01, lambda: over.wait(60))
        before = threading.active_count()
        with pytest.raises(TimeoutError, match="have not been answered"):
            deadline.within(10, lambda: pytest.fail("it was asked"))
        assert threading.active_count() == before
    finally:
        over.set()
    wait_until(lambda: not any(thread.is_alive() for thread in deadline._abandoned), "the threads to end")
    assert deadline.within(10, lambda: "an answer") == "an answer"


def test_a_file_too_large_is_refused_before_it_is_downloaded(store: Store, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made")
    version = register_unchecked(store, bundle, "large")
    with (store.folder / "artifacts" / "unchecked" / "large-000" / "model.onnx").open("ab") as file:
        file.truncate(1_000_000_000)  # a hole: no disk is used
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(BundleError, match=r"large/1: model\.onnx: has 1000 MB"):
        download_here(store.client, "large", version, scratch)
    assert list(scratch.iterdir()) == []


def test_a_download_in_its_own_process_is_whole_and_ends_when_it_grows_too_large(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "made", name="segformer")
    register_unchecked(store, bundle, "segformer")
    download = downloads.bounded_download(threading.Event())
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    folder = download(store.client, "segformer", "1", whole)
    assert {file.name for file in folder.iterdir()} == {file.name for file in bundle.iterdir()}
    (cut / "half").write_bytes(b"0" * 1000)
    monkeypatch.setattr(downloads, "MAX_BYTES", 999)
    with pytest.raises(BundleError, match="its download was ended"):
        download(store.client, "segformer", "1", cut)


def test_what_a_download_raises_is_told(store: Store, tmp_path: Path) -> None:
    assert isinstance(store.client, MlflowClient)
    download = downloads.bounded_download(threading.Event())
    with pytest.raises(bounded.WorkFailedError, match="MlflowException"):
        download(store.client, "nobody", "1", tmp_path)
