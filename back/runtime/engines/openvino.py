"""The OpenVINO engine: a network for every input size, and more of them for the sizes and the load that pay.

Alone a request gets all threads. Two that run at once each on all threads wait for each other at every layer, and for
whoever decodes a photo meanwhile; each on its half of the threads they do not. So under load requests go to a network
compiled with two streams, which gives more photos a second; one that comes alone still gets the quickest answer.

Worth (2-core Intel Xeon, medians of interleaved rounds):

- streams: with 16 clients DeepLabV3+ gives 18 % fewer photos a second without them, and each takes 16 % more
  processor time (2048x1024 JPEG at the card's pixel budget, 8 rounds of 1.5 s);
- bf16: the network takes 1.7 to 1.9 times the processor time in fp32 (DeepLabV3+ at 480x384, 608x320 and 1024x512);
- freeing the memory of the networks that a new one relieves: a peak of 779 MB in place of 853 (both models, 60 mixed
  requests, as in `back/runtime/process/memory.py`).
"""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from back.runtime.card import ONNX_FILE, BundleError, Card, sha256_of
from back.runtime.engines.base import (
    INPUT_NAME,
    OUTPUT_NAME,
    Float32Array,
    Precision,
    PrecisionError,
    UInt8Array,
    cannot_load,
    wrong_names,
)
from back.runtime.engines.hot_sizes import NEARLY_ALL, HotSizes, Size
from back.runtime.engines.openvino_network import Network, openvino_module, with_uint8_input

_STREAMS = 2  # for requests that come while others run


def has_bf16(core: Any) -> bool:
    """Whether the processor computes in bf16 by itself."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoEngine:
    """OpenVINO on the processor, uint8 NHWC in. Made by `create_engine`, which says what the arguments are."""

    name = "openvino"

    def __init__(
        self,
        bundle: Path,
        card: Card,
        precision: Precision,
        threads: int,
        cache_dir: Path | None,
        reason: str,
    ) -> None:
        core = openvino_module().Core()
        native_bf16 = has_bf16(core)
        if precision == "bf16" and not native_bf16:
            raise PrecisionError("this processor has no bf16 arithmetic; set the precision to fp32 or auto")
        use_bf16 = native_bf16 and precision != "fp32"
        if precision == "auto":
            reason += f"; the processor has {'' if native_bf16 else 'no '}native bf16"
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if use_bf16 else "f32",
        }
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            config["CACHE_DIR"] = str(cache_dir)
        # Held only as a hash: what was read at first is what every later compile sees, or it fails.
        sha256 = sha256_of(bundle / ONNX_FILE)

        def compile_for(size: Size, streams: int = 1) -> Network:
            onnx_bytes = (bundle / ONNX_FILE).read_bytes()
            if hashlib.sha256(onnx_bytes).hexdigest() != sha256:
                raise BundleError(f"{bundle / ONNX_FILE} was changed while it served; register the model anew")
            model = with_uint8_input(core.read_model(onnx_bytes), card, size)
            return Network(core.compile_model(model, "CPU", config | {"NUM_STREAMS": streams}))

        try:
            model = core.read_model((bundle / ONNX_FILE).read_bytes())
            names = [i.get_any_name() for i in model.inputs], [o.get_any_name() for o in model.outputs]
            if names != ([INPUT_NAME], [OUTPUT_NAME]):
                raise BundleError(wrong_names(bundle, *names))
            self._any_size = compile_for(card.input.fixed_size or (-1, -1))
        except RuntimeError as error:
            raise BundleError(cannot_load(bundle, "OpenVINO", error)) from error
        # With open sizes OpenVINO copies at every Transpose, which doubles the time of a transformer. A network of
        # convolutions gains a tenth from a fixed size, so it gets one only for the size that nearly all requests
        # have.
        is_transformer = any(op.get_type_name() == "Transpose" for op in model.get_ops())
        limits = {} if is_transformer else {"hot": NEARLY_ALL, "most": 1}
        self._hot_sizes = (
            HotSizes(compile_for, self._any_size.release_memory, **limits) if card.input.fixed_size is None else None
        )
        self._streams = (
            HotSizes(lambda size: compile_for(size, _STREAMS), self._make_room, hot=NEARLY_ALL, most=1)
            if threads >= _STREAMS
            else None
        )
        self._running = 0
        self._counting = Lock()
        self.precision = "bf16" if use_bf16 else "fp32"
        self.reason = reason
        self.threads = threads

    def prepare(self, height: int, width: int) -> None:
        if self._hot_sizes is not None:
            self._hot_sizes.prepare((height, width))

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        with self._counted() as others:
            network = self._network_for((image_NHWC.shape[1], image_NHWC.shape[2]), crowded=others > 0)
            scores_CHW = network.run(image_NHWC)
        for other in self._networks():
            other.note_use(other is network)
        return scores_CHW

    @contextmanager
    def _counted(self) -> Iterator[int]:
        """How many other requests are here."""
        with self._counting:
            others = self._running
            self._running += 1
        try:
            yield others
        finally:
            with self._counting:
                self._running -= 1

    def _network_for(self, size: Size, *, crowded: bool) -> "Network":
        # Both are asked each time, since both count what comes.
        hot = None if self._hot_sizes is None else self._hot_sizes.network_for(size)
        streams = None if self._streams is None else self._streams.network_for(size if crowded else None)
        return streams or hot or self._any_size

    def _make_room(self) -> None:
        """Free what the other networks hold, since the one with streams now gets the requests."""
        streams = self._streams.networks() if self._streams is not None else []
        for network in self._networks():
            if network not in streams:
                network.release_memory()

    def _networks(self) -> "Iterator[Network]":
        kinds = (kind.networks() for kind in (self._hot_sizes, self._streams) if kind is not None)
        return itertools.chain([self._any_size], *kinds)
