"""The rows of the comparison: every way of a model on every photo, interleaved; then throughput, agreement, mIoU."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from back.runtime.masks.colour import palette_of
from modelisation.data.base import SegmentationDataset
from tests.benchmarks.agreement import Reference, agreement, miou
from tests.benchmarks.material import Material
from tests.benchmarks.measure import interleaved, ratio, summary
from tests.benchmarks.peers import BARE, HEADLINE_ONLY, OURS, peers_for
from tests.benchmarks.photos import Case
from tests.benchmarks.server import HealthProbe
from tests.benchmarks.usual import labels_of
from tests.benchmarks.worker import Answer, PeerError, Worker

CLIENTS = (1, 4, 16)
# A dense float64 reference of more pixels than this would take gigabytes.
_REFERENCE_PIXELS = 1 << 22
# Of the bare engine and ours in the measurement of throughput.
_TURNS = 3


class Rows:
    """One model: the processes of all its ways, and what was measured of them so far.

    The processes of all models together would need more memory than machines have: a way takes one to two gigabytes.
    """

    def __init__(self, material: Material, urls: dict[int | None, str]) -> None:
        self._material = material
        self._errors: dict[str, str] = {}  # by the way's name
        self._workers: dict[str, Worker] = {}
        self._ways = peers_for(material)
        self.rows: list[dict[str, Any]] = []
        self.throughput: list[dict[str, Any]] = []
        for way, peer in tqdm(self._ways.items(), f"{material.name}: starting the ways", unit="way"):
            try:
                self._workers[way] = Worker(peer, material, urls)
            except PeerError as error:
                self._errors[way] = str(error)

    def measure_photo(self, case: Case, rounds: int, reference: Reference | None, *, headline: bool) -> None:
        """One row for every way on one photo. The headline photo gets all ways, and comes first."""
        what = f"{self._material.name}, {case.name}"
        ways = [way for way in self._ways if headline or way not in self._headline_only()]
        for way in tqdm(ways, f"{what}: warming up", unit="way"):
            self._try(way, lambda worker: worker.use(case))
        answers: dict[str, list[Answer]] = {way: [] for way in ways}

        def call(way: str) -> float:
            answer = self._try(way, Worker.call)
            if answer is None:
                return float("nan")
            answers[way].append(answer)
            return float(answer.ms)

        calls = {way: lambda way=way: call(way) for way in ways if way in self._workers}
        times = interleaved(calls, rounds, what=what)
        dense = reference is not None and case.height * case.width <= _REFERENCE_PIXELS
        labels_HW = reference.labels(case) if reference is not None and dense else None
        for way in ways:
            self.rows.append(self._row(way, case, times, answers[way], labels_HW))

    def _row(
        self,
        way: str,
        case: Case,
        times: Mapping[str, list[float]],
        answers: Sequence[Answer],
        labels_HW: npt.NDArray[np.uint8] | None,
    ) -> dict[str, Any]:
        row: dict[str, Any] = {"model": self._material.name, "way": way, "photo": case.name}
        row |= {"error": self._errors.get(way), "ms": None, "times_ours": None, "agreement": None, "miou": None}
        row |= {"peak_rss_bytes": None, "stages": {}}
        if row["error"]:
            return row
        mask = answers[-1].png
        row["ms"] = summary(times[way])
        if OURS not in self._errors:
            row["times_ours"] = ratio(times[way], times[OURS])
        if mask is not None and labels_HW is not None:
            row["agreement"] = agreement(mask, labels_HW, self._material.card)
        row["stages"] = {
            stage: round(statistics.median(answer.stages[stage] for answer in answers), 3)
            for stage in answers[-1].stages
        }
        if way != OURS:
            row["peak_rss_bytes"] = self._try(way, Worker.peak_rss_bytes)
        return row

    def measure_throughput(self, seconds: float, url: str) -> list[float]:
        """Images per second of every way on the photo at hand; returns /healthz's ms while ours is saturated.

        The bare engine and ours, which a promise sets side by side, take turns; each rate of theirs is a median.
        """
        health_ms: list[float] = []
        rates: dict[tuple[str, int | None], list[float]] = {}

        def note(way: str, clients: int | None, rate: float | None) -> None:
            if rate is not None:
                rates.setdefault((way, clients), []).append(rate)

        for way in tqdm(self._throughput_turns(), f"{self._material.name}: throughput", unit="way"):
            for clients in CLIENTS:
                note(way, clients, self._try(way, lambda w, n=clients: w.images_per_second(n, seconds)))
            if way == OURS:
                # In a run of its own, since asking fifty times a second takes a tenth of the processors.
                probe = HealthProbe(url)
                probe.start()
                self._try(way, lambda w: w.images_per_second(max(CLIENTS), seconds))
                health_ms += probe.finish()
            if way == BARE:
                note(way, None, self._try(way, lambda w: w.bulk_images_per_second(seconds)))
        self.throughput += [
            {"model": self._material.name, "way": way, "clients": clients}
            | {"images_per_second": round(float(np.median(found)), 3)}
            for (way, clients), found in rates.items()
        ]
        return health_ms

    def _throughput_turns(self) -> list[str]:
        """Every way once, but the bare engine and ours in `_TURNS` turns at the end."""
        paired = [way for way in self._workers if way in (BARE, OURS)]
        return [way for way in self._workers if way not in paired] + _TURNS * paired

    def stop_headline_ways(self) -> None:
        """End what sees the headline photo alone."""
        for way in self._headline_only() & set(self._workers):
            self._workers.pop(way).stop()

    def _headline_only(self) -> set[str]:
        return {way for way, peer in self._ways.items() if issubclass(peer, HEADLINE_ONLY)}

    def measure_miou(self, photos: SegmentationDataset, reference: Reference | None) -> float | None:
        """mIoU of every way on labelled photos at the card's pixel budget; returns that of PyTorch in fp32.

        Comes after a photo with the card's pixel budget.
        """
        card = self._material.card
        truth = [sample.label for sample in photos]
        cases = [
            Case(item.name, item.image.read_bytes(), *label.shape, None)
            for item, label in zip(photos.items, truth, strict=True)
        ]
        for way in tqdm([way for way in self._workers if way != BARE], f"{self._material.name}: mIoU", unit="way"):
            masks = [self._try(way, lambda worker, case=case: worker.mask_of(case)) for case in cases]
            if None not in masks:
                labels = [labels_of(mask, palette_of(card.taxonomy)) for mask in masks if mask is not None]
                score = miou(labels, truth, card)
                for row in self.rows:
                    if row["way"] == way:
                        row["miou"] = score
        return None if reference is None else miou([reference.labels(case) for case in cases], truth, card)

    def _try(self, way: str, ask: Any) -> Any:
        """Ask a way's process; one that fails is out, and its rows say why."""
        worker = self._workers.get(way)
        if worker is None:
            return None
        try:
            return ask(worker)
        except PeerError as error:
            self._errors[way] = str(error)
            self._workers.pop(way).stop()
            return None

    def stop(self) -> None:
        """End all processes."""
        for worker in self._workers.values():
            worker.stop()
        self._workers.clear()
