"""From a bundle's ONNX file to networks that OpenVINO compiled for one input size, or read back from the cache."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from back.runtime.card import BundleError, Card
from back.runtime.engines.base import INPUT_NAME
from back.runtime.engines.compiled_files import discard_compiled, read_compiled, write_compiled
from back.runtime.engines.hot_sizes import Size
from back.runtime.engines.openvino_network import Network, openvino_module

log = logging.getLogger("streetseg")


class Compiler:
    """Compiles one model for whatever sizes are asked for.

    Args:
        core: openvino.Core.
        onnx: the file, of which only a hash is held: what was read at first is what every later compile sees, or it
            fails.
        config: OpenVINO's properties for every network.
        cache_dir: folder of compiled networks; None keeps none.
    """

    def __init__(self, core: Any, onnx: Path, card: Card, config: dict[str, Any], cache_dir: Path | None) -> None:
        self._core, self._onnx, self._card, self._config, self._cache_dir = core, onnx, card, config, cache_dir
        self._sha256 = hashlib.sha256(onnx.read_bytes()).hexdigest()

    def read(self) -> Any:
        """The network as it stands in the file, openvino.Model.

        Raises:
            BundleError: the file was changed since.
            RuntimeError: OpenVINO cannot read it.
        """
        onnx = self._onnx.read_bytes()
        if hashlib.sha256(onnx).hexdigest() != self._sha256:
            raise BundleError(f"{self._onnx} was changed while it served; register the model anew")
        return self._core.read_model(onnx)

    def network(self, size: Size, streams: int) -> Network:
        """The network for inputs of `size` (-1: any) and so many requests at once.

        Raises:
            BundleError: the file was changed since.
            RuntimeError: OpenVINO cannot compile it.
        """
        config = self._config | {"NUM_STREAMS": streams}
        if self._cache_dir is None:
            return Network(self._compile(size, config), streams)
        key = self._key(size, config)
        blob = read_compiled(self._cache_dir, key)
        if blob is not None:
            try:
                compiled = compile_anyway(lambda wanted: self._core.import_model(blob, "CPU", wanted), config)
                return Network(compiled, streams)
            except RuntimeError as error:
                log.warning("a compiled network cannot be read back, and is compiled anew: %s", error)
                discard_compiled(self._cache_dir, key)
        compiled = self._compile(size, config)
        write_compiled(self._cache_dir, key, compiled.export_model().getbuffer())
        return Network(compiled, streams)

    def _compile(self, size: Size, config: dict[str, Any]) -> Any:
        def compile_with(wanted: dict[str, Any]) -> Any:
            return self._core.compile_model(_with_uint8_input(self.read(), self._card, size), "CPU", wanted)

        return compile_anyway(compile_with, config)

    def _key(self, size: Size, config: dict[str, Any]) -> str:
        """Stands for all that the compiled network depends on, the processor and OpenVINO's version among it."""
        contract = self._card.input
        parts = {
            "onnx": self._sha256,
            "size": size,
            "mean": contract.mean,
            "std": contract.std,
            "config": config,
            "openvino": openvino_module().get_version(),
            "processor": self._core.get_property("CPU", "FULL_DEVICE_NAME"),
            "instructions": self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def compile_anyway(make: Callable[[dict[str, Any]], Any], config: dict[str, Any]) -> Any:
    """What `make` gives of a configuration; without OpenVINO's snippets where these fail.

    Snippets are operators that the plug-in fuses and generates code for. Those of OpenVINO 2026.4 fail on a network
    that sums over another axis than the last ("ReduceDecomposition supports only Reduce by last dimension"), as
    Mask2Former does. It has no narrower switch, and other networks keep theirs.

    Raises:
        RuntimeError: it fails for another reason, or without them, too.
    """
    try:
        return make(config)
    except RuntimeError as error:
        if "snippets" not in str(error):
            raise
        return make(config | {"SNIPPETS_MODE": "DISABLE"})


def _with_uint8_input(model: Any, card: Card, size: Size) -> Any:
    """The network for inputs of `size` (-1: any), behind `uint8 NHWC -> float32 NCHW, / 255, - mean, / std`."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    model.reshape({INPUT_NAME: [1, 3, *size]})
    steps = PrePostProcessor(model)
    image = steps.input(INPUT_NAME)
    image.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    image.model().set_layout(Layout("NCHW"))
    image.preprocess().convert_element_type(Type.f32).mean([m * 255 for m in card.input.mean]).scale(
        [s * 255 for s in card.input.std]
    )
    return steps.build()
