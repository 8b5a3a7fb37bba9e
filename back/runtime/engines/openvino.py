"""The OpenVINO engine: a network for every input size, and more of them for the sizes and the load that pay.

What pays stands beside: `hot_sizes.py`, `streams.py`, `precision.py`. When a network takes over the requests of
others, what these hold between their layers is freed.

Worth of that: a peak of 779 MB in place of 853 (both models, 60 mixed requests, as in
`back/runtime/process/memory.py`).
"""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, BundleError, Card
from back.runtime.engines.base import (
    INPUT_NAME,
    OUTPUT_NAME,
    Float32Array,
    Precision,
    SteadyEngine,
    UInt8Array,
    cannot_load,
    precision_name,
    wrong_names,
)
from back.runtime.engines.hot_sizes import NEARLY_ALL, HotSizes, Size
from back.runtime.engines.openvino_compiler import Compiler
from back.runtime.engines.openvino_network import Network, openvino_module
from back.runtime.engines.precision import takes_bf16
from back.runtime.engines.streams import STREAMS, Streams


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
        use_bf16, said = takes_bf16(core, precision)
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if use_bf16 else "f32",
        }
        if threads < (os.cpu_count() or 1):
            # Others compute beside this one, such as processes with a thread each, or containers with a quota: by
            # default the threads of all of them would be bound to the same first processors of the machine, whatever
            # the process may use, and wait for each other there.
            config["ENABLE_CPU_PINNING"] = False
        self._compiler = compiler = Compiler(core, bundle / ONNX_FILE, card, config, cache_dir)

        def compile_for(size: Size, streams: int = 1) -> Network:
            return compiler.network(size, streams)

        try:
            model = compiler.read()
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
        relieve = _relief(self._any_size, self._hot_sizes)
        self._streams = Streams(compile_for, relieve) if threads >= STREAMS else None
        rest = "bf16" if use_bf16 else "fp32"
        self.precision = precision_name(card, rest)
        self.reason = reason + said + (f"; what is not in int8 is in {rest}" if card.quantisation else "")
        self.threads = threads

    def prepare(self, height: int, width: int) -> None:
        if self._hot_sizes is not None:
            self._hot_sizes.prepare((height, width))

    def steady(self, height: int, width: int) -> SteadyEngine:
        network = self._compiler.network((height, width), STREAMS if self.threads >= STREAMS else 1)
        return SteadyEngine(self.name, self.precision, self.reason, self.threads, network.run)

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        with self._streams.others_running() if self._streams is not None else nullcontext(0) as others:
            return self._network_for((image_NHWC.shape[1], image_NHWC.shape[2]), others).run(image_NHWC)

    def _network_for(self, size: Size, others: int) -> Network:
        # Both are asked each time, since both count what comes.
        hot = None if self._hot_sizes is None else self._hot_sizes.network_for(size)
        streams = None if self._streams is None else self._streams.network_for(size, others)
        return streams or hot or self._any_size


def _relief(any_size: Network, hot_sizes: HotSizes[Network] | None) -> Callable[[], None]:
    """What frees the memory of these networks, since one with streams now gets the requests.

    A method of the engine's would keep the engine alive for as long as its own networks: a reference cycle, with
    which a model that is no longer served stays until the garbage collector comes by.
    """

    def release() -> None:
        for network in (any_size, *(hot_sizes.networks() if hot_sizes is not None else ())):
            network.release_memory()

    return release
