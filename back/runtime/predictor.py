"""A loaded model: photo in, label map at the photo's own size out."""

import base64
import binascii
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.card import ONNX_FILE, BundleError, Card, InputContract, read_card, sha256_of, verify_files
from back.runtime.class_counts import count_labels
from back.runtime.confidence import UInt16Array, confidence_map
from back.runtime.engines import create_engine
from back.runtime.engines.base import Engine, EngineKind, LabellingEngine, Precision
from back.runtime.familiarity import statistics_of
from back.runtime.imaging import ImageError, Photo, UInt8Array, decode_image, open_photo, plan_resize, to_input
from back.runtime.taxonomy import Taxonomy
from back.runtime.upsample import NOT_FINITE, ScoresError, upsample_argmax

_SELF_TEST_PIXELS = 1 << 22
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """A label map and how long its steps took.

    Attributes:
        labels_HW: uint8 class ids at the photo's own size.
        timings_ms: milliseconds of `decode` (where bytes were given), `resize`, `infer`, `argmax` and, where it was
            asked for, `confidence`.
        taxonomy: what the ids mean.
        confidence_HW: uint16, the calibrated probability of each label times 65535; None where not asked for.
        familiarity: how like the training streets the photo is, and `unfamiliar` whether it is called unlike them,
            see `Familiarity`; None where the card does not say how to tell, or a device makes the labels itself.
    """

    labels_HW: UInt8Array  # noqa: N815 - the name carries the shape
    timings_ms: dict[str, float]
    taxonomy: Taxonomy = field(repr=False)
    confidence_HW: UInt16Array | None = None  # noqa: N815 - the name carries the shape
    familiarity: float | None = None
    unfamiliar: bool | None = None

    def class_shares(self) -> dict[str, float]:
        """Fraction of the photo's pixels that each class covers; sums to 1."""
        counts = count_labels(self.labels_HW)
        return {c.name: float(counts[c.id] / self.labels_HW.size) for c in self.taxonomy.classes}


@dataclass(frozen=True)
class Predictor:
    """A bundle ready to answer; safe to call from several threads at once. Make one with `Predictor.load`."""

    card: Card
    engine: Engine
    sha256: str
    input: InputContract  # the card's, or with a pixel budget of the caller's

    @property
    def pixel_budget(self) -> int:
        """Pixels of the resized photo; at the least, where the contract lets large photos have more."""
        return self.input.pixel_budget

    @classmethod
    def load(
        cls,
        bundle: Path,
        *,
        engine: EngineKind = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        cache_dir: Path | None = None,
        pixel_budget: int | None = None,
        verify: bool = True,
    ) -> "Predictor":
        """Read, verify and compile a bundle, and run its self-test, which also warms everything up.

        Args:
            engine, precision, threads, cache_dir: see `create_engine`. With precision `auto`, a model whose self-test
                fails in bf16 is compiled in fp32 instead.
            pixel_budget: pixels of the resized photo in place of the card's; the self-test keeps the card's.
            verify: check the sha256 of all files against the card; off only for a folder that is being written.

        Raises:
            BundleError: a file is missing or changed, the engine cannot load the model, or the self-test fails.
        """
        card = read_card(bundle)
        if verify:
            verify_files(bundle, card)
        elif not (bundle / ONNX_FILE).is_file():
            raise BundleError(f"{bundle / ONNX_FILE}: no such file; export the bundle again")

        def attempt(precision: Precision) -> Predictor:
            compiled = create_engine(
                bundle, card, kind=engine, precision=precision, threads=threads, cache_dir=cache_dir
            )
            predictor = cls(card, compiled, sha256_of(bundle / ONNX_FILE), card.input)
            predictor._self_test(bundle)
            return predictor

        tested: Predictor | None = None
        try:
            tested = attempt(precision)
        except _SelfTestError:
            if precision != "auto":
                raise
        if tested is None:  # not within the except, where the error still holds the network that failed
            tested = attempt("fp32")
            tested.engine.reason += "; bf16 failed the model's self-test"
        contract = card.input if pixel_budget is None else card.input.with_budget(pixel_budget)
        return cls(card, tested.engine, tested.sha256, contract)

    def predict(self, data: bytes, max_pixels: int) -> Prediction:
        """Label a photo given as the bytes of a JPEG, PNG, WEBP, HEIC or AVIF file.

        Raises:
            ImageError: the bytes are no usable photo of at most `max_pixels` pixels.
            ScoresError: the network answered with NaN or infinity.
        """
        timings: dict[str, float] = {}
        with _timed(timings, "decode"):
            photo = open_photo(data, max_pixels, self.needed_size)
        return self._predict(photo, timings)

    def predict_array(self, image_HWC: UInt8Array | Photo, *, confidence: bool = False) -> Prediction:
        """Label a decoded photo: uint8 [height, width, 3] RGB, or what `open_photo` gives, which saves a copy.

        Several models can share one decoded photo. With `confidence`, also say how sure the network is of each
        label. Raises ScoresError.
        """
        if isinstance(image_HWC, Photo):
            return self._predict(image_HWC, {}, confidence)
        height, width = image_HWC.shape[:2]
        return self._predict(Photo(image_HWC, height, width), {}, confidence)

    def needed_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width to which a photo of this size is resized: what decoding it must give at the least."""
        plan = plan_resize(height, width, self.input, None)
        return plan.height, plan.width

    def prepare(self, height: int, width: int) -> None:
        """Get ready for photos of this size: takes a second or two once, and saves doing it in the background.

        For a run over many equal photos whose result must not depend on when the background work is done.
        """
        plan = plan_resize(height, width, self.input, None)
        self.engine.prepare(plan.padded_height, plan.padded_width)

    def steady(self, height: int, width: int) -> "Predictor":
        """This model for many photos of this size alone, such as the frames of a clip: see `Engine.steady`."""
        plan = plan_resize(height, width, self.input, None)
        return replace(self, engine=self.engine.steady(plan.padded_height, plan.padded_width))

    def scores_of(self, photo: Photo, timings_ms: dict[str, float] | None = None) -> Scores:
        """The network's scores of a decoded photo: float32 [classes, height, width] at the score stride, padding too.

        Args:
            timings_ms: where the milliseconds of `resize` and `infer` go.
        """
        timings = {} if timings_ms is None else timings_ms
        plan = plan_resize(photo.height, photo.width, self.input, None)
        with _timed(timings, "resize"):
            image_NHWC = to_input(photo.pixels, plan, self.input)[None]
        with _timed(timings, "infer"):
            scores_CHW = self.engine.run(image_NHWC)
        self._check_shape(scores_CHW, plan.padded_height, plan.padded_width)
        return scores_CHW

    def labels_of(self, scores_CHW: Scores, height: int, width: int) -> UInt8Array:
        """Labels of a photo of `height` x `width` from its scores: uint8 [height, width]; raises ScoresError."""
        plan, stride = plan_resize(height, width, self.input, None), self.input.score_stride
        return upsample_argmax(scores_CHW, height, width, plan.height / stride, plan.width / stride)

    def confidence_of(
        self, scores_CHW: Scores, height: int, width: int, temperature: float | None = None
    ) -> UInt16Array:
        """How sure the network is of each label of `labels_of`: uint16 [height, width], see `confidence_map`.

        Args:
            temperature: in place of the card's.

        Raises:
            ScoresError: a score is NaN or infinite.
        """
        plan, stride = plan_resize(height, width, self.input, None), self.input.score_stride
        valid = plan.height / stride, plan.width / stride
        return confidence_map(scores_CHW, height, width, *valid, temperature or self.card.temperature)

    def statistics_of(self, scores_CHW: Scores, height: int, width: int) -> tuple[float, Scores]:
        """What tells whether a photo of `height` x `width` is like the training streets, see `familiarity`."""
        plan, stride = plan_resize(height, width, self.input, None), self.input.score_stride
        return statistics_of(scores_CHW, plan.height / stride, plan.width / stride, self.card.temperature)

    def _predict(self, photo: Photo, timings: dict[str, float], confidence: bool = False) -> Prediction:
        if isinstance(self.engine, LabellingEngine) and not confidence:
            return Prediction(self._labels_by_device(self.engine, photo, timings), timings, self.card.taxonomy)
        scores_CHW = self.scores_of(photo, timings)
        with _timed(timings, "argmax"):
            labels_HW = self.labels_of(scores_CHW, photo.height, photo.width)
        prediction = Prediction(labels_HW, timings, self.card.taxonomy)
        if (known := self.card.familiarity) is not None:
            found = known.of(*self.statistics_of(scores_CHW, photo.height, photo.width))
            prediction = replace(prediction, familiarity=found, unfamiliar=found < known.unfamiliar_below)
        if not confidence:
            return prediction
        with _timed(timings, "confidence"):
            confidence_HW = self.confidence_of(scores_CHW, photo.height, photo.width)
        return replace(prediction, confidence_HW=confidence_HW)

    def _labels_by_device(self, engine: LabellingEngine, photo: Photo, timings: dict[str, float]) -> UInt8Array:
        """Labels of a photo where the engine's device makes them, which counts as `infer`; raises ScoresError."""
        plan, stride = plan_resize(photo.height, photo.width, self.input, None), self.input.score_stride
        with _timed(timings, "resize"):
            image_NHWC = to_input(photo.pixels, plan, self.input)[None]
        with _timed(timings, "infer"):
            labels_HW = engine.labels(
                image_NHWC, photo.height, photo.width, plan.height / stride, plan.width / stride
            )
        timings["argmax"] = 0.0
        if labels_HW is None:
            raise ScoresError(NOT_FINITE)
        return labels_HW

    def _check_shape(self, scores_CHW: Scores, height: int, width: int) -> None:
        stride = self.card.input.score_stride
        expected = (len(self.card.taxonomy.classes), -(-height // stride), -(-width // stride))
        if scores_CHW.shape != expected:
            raise ScoresError(
                f"model {self.card.name} gives scores of shape {scores_CHW.shape} where its card promises "
                f"{expected}; export the bundle again"
            )

    def _self_test(self, bundle: Path) -> None:
        test = self.card.self_test
        try:
            image_HWC = decode_image(base64.b64decode(test.image_png, validate=True), _SELF_TEST_PIXELS)
            with Image.open(io.BytesIO(base64.b64decode(test.labels_png, validate=True)), formats=("PNG",)) as png:
                expected_HW = np.asarray(png)
        except (ImageError, OSError, binascii.Error) as error:
            raise BundleError(f"{bundle}: the card's self-test cannot be read: {error}; export it again") from error
        try:
            labels_HW = self.predict_array(image_HWC).labels_HW
        except MemoryError:
            raise
        except Exception as error:  # the engines' exceptions share no base class
            reason = " ".join(str(error).split())[:300]
            raise BundleError(f"{bundle}: the self-test fails: {reason}") from error
        if labels_HW.shape != expected_HW.shape:
            raise BundleError(
                f"{bundle}: the self-test's picture is {labels_HW.shape} and its labels are {expected_HW.shape}; "
                "export the bundle again"
            )
        agreement = float((labels_HW == expected_HW).mean())
        if agreement < test.min_agreement:
            raise _SelfTestError(
                f"{bundle}: the self-test agrees on {agreement:.2%} of its pixels where the card asks for "
                f"{test.min_agreement:.2%} ({self.engine.name}, {self.engine.precision}); the model, its card or the "
                "engine is wrong: export the bundle again or choose another engine"
            )


class _SelfTestError(BundleError):
    """The network answers, but not with the labels that the card promises."""


@contextmanager
def _timed(timings_ms: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings_ms[step] = (time.perf_counter() - start) * 1e3
