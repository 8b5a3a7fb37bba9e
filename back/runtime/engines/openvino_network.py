"""One network that OpenVINO compiled, and the module itself made ready for several threads."""

import sys
from queue import LifoQueue
from threading import Lock
from typing import Any

import numpy as np

from back.runtime.engines.base import Float32Array, UInt8Array

# Importing openvino would report to its makers and write to the home folder; without this module it does neither.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
# More requests than streams, so that what a caller does between two photos keeps no stream waiting.
_MORE_REQUESTS = 1

_IMPORTING = Lock()


def openvino_module() -> Any:
    """The module, ready for several threads.

    It looks NumPy's types up at their first use, behind a lock of C++ that a second thread would wait for while it
    holds Python's, which the first one needs to go on: the process would stand still for ever. So one thread uses
    them before any other can.
    """
    with _IMPORTING:
        import openvino as ov

        ov.Type.u8.to_dtype()
        _ = ov.Tensor(np.zeros(1, np.uint8)).data
    return ov


class Network:
    """A compiled network of so many streams, and its infer requests, each of which serves one caller at a time."""

    def __init__(self, compiled: Any, streams: int) -> None:
        self._compiled = compiled
        self._count = streams + _MORE_REQUESTS
        self._releasing = Lock()  # two who each held one request would wait for each other
        self._requests: LifoQueue[Any] = LifoQueue()
        for _ in range(self._count):
            self._requests.put(compiled.create_infer_request())

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        request = self._requests.get()
        try:
            # On a thread of OpenVINO's, not on the caller's: a signal (Ctrl-C, the end of a child process) that came
            # to a thread after bf16 work was seen to end the process with SIGSEGV. Suspected, not proven: AMX
            # registers in use, for which the signal stack has no room.
            request.start_async([np.ascontiguousarray(image_NHWC)], share_inputs=True)
            request.wait()
            # Copied out, so that the request can go to the next caller.
            scores_CHW: Float32Array = request.get_output_tensor(0).data[0].copy()
        finally:
            self._requests.put(request)
        return scores_CHW

    def release_memory(self) -> None:
        """Free what lies between the layers (about 60 MB for half a megapixel); the next `run` makes it anew."""
        with self._releasing:
            held = [self._requests.get() for _ in range(self._count)]  # OpenVINO refuses while a request runs
            try:
                self._compiled.release_memory()
            finally:
                for request in held:
                    self._requests.put(request)
