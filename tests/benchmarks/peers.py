"""The ways to get a mask of a photo that are compared: one class each, made and called in a process of its own.

A peer is made from a model's files, told the photo's network input by `use`, and called with the photo's bytes; it
answers with the bytes of a mask. What it needs is imported when it is made, so that its memory is its own.
"""

import http.client
import io
import threading
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from back.runtime.masks.colour import palette_of
from back.runtime.process.threads import available_cpus
from tests.benchmarks.material import Material
from tests.benchmarks.photos import Case


class Peer(ABC):
    """One way; `warm_up` calls come before the first one that counts."""

    warm_up = 2

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        """`urls`: where our API answers, by its pixel budget."""
        self.material = material

    def use(self, case: Case) -> None:
        """Get ready for photos like this one."""
        self.size = case.network_input(self.material.card.input)

    @abstractmethod
    def __call__(self, data: bytes) -> bytes | None:
        """The bytes of the mask; None for a way that makes none."""

    def stages(self) -> dict[str, float]:
        """Milliseconds of the stages of the last call, where the way tells them."""
        return {}


class TorchEager(Peer):
    """The network as its library runs it, between the usual steps."""

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        import torch

        from tests.benchmarks.usual import UsualSteps

        torch.set_num_threads(available_cpus())
        self._torch = torch
        self._steps = UsualSteps(material.card)
        # A file that this very run has written.
        self._net = torch.load(material.written(material.torch_file), weights_only=False).eval()

    def __call__(self, data: bytes) -> bytes:
        pixels, photo_size = self._steps.prepare(data, self.size)
        with self._torch.inference_mode():
            return self._steps.finish(self._net(self._torch.from_numpy(pixels)), photo_size)


class TorchCompiled(TorchEager):
    """The same behind torch.compile, compiled for one input size."""

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        self._net = self._torch.compile(self._net, dynamic=False)


class TransformersPipeline(Peer):
    """`pipeline("image-segmentation")`, its masks put together into one picture."""

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        import torch

        torch.set_num_threads(available_cpus())
        self.pipe = self.make_pipeline()
        self._palette = palette_of(material.card.taxonomy)
        self._ids = {name: label for label, name in enumerate(material.card.taxonomy.names)}

    def make_pipeline(self) -> Any:
        from transformers import pipeline

        folder = self.material.transformers_folder
        assert folder is not None  # only models that transformers can load are run this way
        return pipeline("image-segmentation", model=str(self.material.written(folder)), device="cpu")

    def use(self, case: Case) -> None:
        super().use(case)
        self.pipe.image_processor.size = {"height": self.size[0], "width": self.size[1]}

    def __call__(self, data: bytes) -> bytes:
        from PIL import Image

        photo = Image.open(io.BytesIO(data)).convert("RGB")
        return self.mask(photo.size, self.pipe(photo, subtask="semantic"))

    def mask(self, size: tuple[int, int], segments: list[dict[str, Any]]) -> bytes:
        """The bytes of a mask of that width and height from what the pipeline gives."""
        from PIL import Image

        mask_HWC = np.zeros((size[1], size[0], 3), np.uint8)
        for segment in segments:
            mask_HWC[np.asarray(segment["mask"]) > 0] = self._palette[self._ids[segment["label"]]]
        buffer = io.BytesIO()
        Image.fromarray(mask_HWC).save(buffer, "PNG")
        return buffer.getvalue()


class TransformersCompiled(TransformersPipeline):
    """The pipeline with its network behind torch.compile, compiled for one input size."""

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        import torch

        self.pipe.model.forward = torch.compile(self.pipe.model.forward, dynamic=False)


class Mask2FormerPipeline(TransformersPipeline):
    """The pipeline around our network in memory: no folder of transformers can say that its stem is another."""

    def make_pipeline(self) -> Any:
        from transformers import Mask2FormerImageProcessor, pipeline

        from modelisation.models import load_bundle_model

        card = self.material.card
        net: Any = load_bundle_model(self.material.bundle).net
        net.config.id2label = dict(enumerate(card.taxonomy.names))
        processor = Mask2FormerImageProcessor(image_mean=list(card.input.mean), image_std=list(card.input.std))
        return pipeline("image-segmentation", model=net, image_processor=processor, device="cpu")


class OnnxRuntime(Peer):
    """ONNX Runtime on the network as its library defines it, between the usual steps."""

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        import onnxruntime
        import torch

        from tests.benchmarks.usual import UsualSteps

        torch.set_num_threads(available_cpus())
        self._torch = torch
        self._steps = UsualSteps(material.card)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = available_cpus()
        self._session = onnxruntime.InferenceSession(self.onnx(), options, providers=["CPUExecutionProvider"])

    def onnx(self) -> str:
        return str(self.material.written(self.material.plain_onnx))

    def __call__(self, data: bytes) -> bytes:
        pixels, photo_size = self._steps.prepare(data, self.size)
        scores = self._session.run(None, {"image": pixels})[0]
        return self._steps.finish(self._torch.from_numpy(scores), photo_size)


class OnnxRuntimeFolded(OnnxRuntime):
    """The same on the bundle's own file, whose head is folded."""

    def onnx(self) -> str:
        return str(self.material.bundle_onnx)


class BareOpenVino(Peer):
    """`infer` alone on a ready tensor, compiled for just its size: what no pipeline around it can beat."""

    def use(self, case: Case) -> None:
        super().use(case)
        from tests.benchmarks.openvino_bare import compile_bare

        self._compiled = compile_bare(self.material.bundle_onnx, self.size)
        self._tensor = np.random.default_rng(0).standard_normal((1, 3, *self.size), np.float32)
        self._local = threading.local()

    def __call__(self, data: bytes) -> None:
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        self._local.request.infer([self._tensor], share_inputs=True, share_outputs=True)

    def in_bulk(self, images: int) -> None:
        """Run so many tensors in the mode that OpenVINO itself calls best for throughput."""
        import openvino as ov

        from tests.benchmarks.openvino_bare import compile_bare

        if not hasattr(self, "_queue"):
            self._queue = ov.AsyncInferQueue(compile_bare(self.material.bundle_onnx, self.size, hint="THROUGHPUT"))
        for _ in range(images):
            self._queue.start_async([self._tensor], share_inputs=True)
        self._queue.wait_all()


class OursOverHttp(Peer):
    """POST /predict on the loopback; each thread keeps one connection."""

    warm_up = 8  # a size that comes up often gets a network of its own, compiled in the background

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        super().__init__(material, urls)
        self._urls = urls
        self._local = threading.local()

    def use(self, case: Case) -> None:
        super().use(case)
        self._address = self._urls[case.pixel_budget].removeprefix("http://")
        self._local = threading.local()

    def __call__(self, data: bytes) -> bytes:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._address, timeout=120)
        connection = self._local.connection
        head = b'--photo\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n\r\n'
        connection.request(
            "POST",
            f"/predict?model={self.material.name}",
            head + data + b"\r\n--photo--\r\n",
            {"Content-Type": "multipart/form-data; boundary=photo"},
        )
        response = connection.getresponse()
        body: bytes = response.read()
        if response.status != 200:
            raise RuntimeError(f"POST /predict answered {response.status}: {body[:200].decode(errors='replace')}")
        self._local.timing = response.headers["Server-Timing"]
        return body

    def stages(self) -> dict[str, float]:
        parts: list[Any] = [part.strip().split(";dur=") for part in self._local.timing.split(",")]
        return {stage: float(ms) for stage, ms in parts}


# In the order of the table; the last two are the limit and ours.
SEGFORMER_PEERS: dict[str, type[Peer]] = {
    "transformers pipeline": TransformersPipeline,
    "transformers pipeline, torch.compile": TransformersCompiled,
    "ONNX Runtime, usual steps": OnnxRuntime,
    "ONNX Runtime on our folded file, usual steps": OnnxRuntimeFolded,
    "bare OpenVINO infer, no photo": BareOpenVino,
    "ours, HTTP": OursOverHttp,
}
SMP_PEERS: dict[str, type[Peer]] = {
    "smp eager, usual steps": TorchEager,
    "smp torch.compile, usual steps": TorchCompiled,
    "ONNX Runtime, usual steps": OnnxRuntime,
    "bare OpenVINO infer, no photo": BareOpenVino,
    "ours, HTTP": OursOverHttp,
}
MASK2FORMER_PEERS: dict[str, type[Peer]] = {
    "transformers pipeline": Mask2FormerPipeline,
    "ONNX Runtime, usual steps": OnnxRuntime,
    "bare OpenVINO infer, no photo": BareOpenVino,
    "ours, HTTP": OursOverHttp,
}
BARE, OURS = "bare OpenVINO infer, no photo", "ours, HTTP"
# torch.compile takes minutes for each input size, so these see the headline photo alone.
HEADLINE_ONLY = (TorchCompiled, TransformersCompiled)


def peers_for(material: Material) -> dict[str, type[Peer]]:
    """The ways that a model can be run, by the name of their row."""
    if material.card.architecture == "mask2former":
        return MASK2FORMER_PEERS
    return SMP_PEERS if material.transformers_folder is None else SEGFORMER_PEERS
