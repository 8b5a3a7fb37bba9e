"""The rows of the comparison: every way on every photo, interleaved; then throughput, agreement and mIoU."""

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

Way = tuple[str, str]  # model, name of the way
CLIENTS = (1, 4, 16)
# A dense float64 reference of more pixels than this would take gigabytes.
_REFERENCE_PIXELS = 1 << 22
# Of the bare engine and ours in the measurement of throughput.
_TURNS = 3


class Rows:
    """One session: the processes of all ways, and what was measured of them so far."""

    def __init__(self, materials: Sequence[Material], urls: dict[int | None, str]) -> None:
        self._materials = {material.name: material for material in materials}
        self._errors: dict[Way, str] = {}
        self._workers: dict[Way, Worker] = {}
        self._ways: list[Way] = []
        self._headline_only: set[Way] = set()
        self.rows: list[dict[str, Any]] = []
        self.throughput: list[dict[str, Any]] = []
        ways = [(m, name, peer) for m in materials for name, peer in peers_for(m).items()]
        for material, name, peer in tqdm(ways, "starting the ways", unit="way"):
            way = (material.name, name)
            self._ways.append(way)
            if issubclass(peer, HEADLINE_ONLY):
                self._headline_only.add(way)
            try:
                self._workers[way] = Worker(peer, material, urls)
            except PeerError as error:
                self._errors[way] = str(error)

    def measure_photo(self, case: Case, rounds: int, references: Mapping[str, Reference], *, headline: bool) -> None:
        """One row for every way on one photo. The headline photo gets all ways, and comes first."""
        ways = [way for way in self._ways if headline or way not in self._headline_only]
        for way in tqdm(ways, f"{case.name}: warming up", unit="way"):
            self._try(way, lambda worker: worker.use(case))
        answers: dict[Way, list[Answer]] = {way: [] for way in ways}

        def call(way: Way) -> float:
            answer = self._try(way, Worker.call)
            if answer is None:
                return float("nan")
            answers[way].append(answer)
            return float(answer.ms)

        times = interleaved(
            {way: lambda way=way: call(way) for way in ways if way in self._workers}, rounds, what=case.name
        )
        dense = case.height * case.width <= _REFERENCE_PIXELS
        labels = {name: reference.labels(case) for name, reference in references.items()} if dense else {}
        for way in ways:
            self.rows.append(self._row(way, case, times, answers[way], labels.get(way[0])))

    def _row(
        self,
        way: Way,
        case: Case,
        times: Mapping[Way, list[float]],
        answers: Sequence[Answer],
        labels_HW: npt.NDArray[np.uint8] | None,
    ) -> dict[str, Any]:
        model, name = way
        row: dict[str, Any] = {"model": model, "way": name, "photo": case.name, "error": self._errors.get(way)}
        row |= {"ms": None, "times_ours": None, "agreement": None, "miou": None, "peak_rss_bytes": None, "stages": {}}
        if row["error"]:
            return row
        mask = answers[-1].png
        row["ms"] = summary(times[way])
        if (model, OURS) not in self._errors:
            row["times_ours"] = ratio(times[way], times[model, OURS])
        if mask is not None and labels_HW is not None:
            row["agreement"] = agreement(mask, labels_HW, self._materials[model].card)
        row["stages"] = {
            stage: round(statistics.median(answer.stages[stage] for answer in answers), 3)
            for stage in answers[-1].stages
        }
        if name != OURS:
            row["peak_rss_bytes"] = self._try(way, Worker.peak_rss_bytes)
        return row

    def measure_throughput(self, seconds: float, url: str) -> dict[str, float] | None:
        """Images per second of every way on the photo at hand; returns /healthz's times while ours is saturated.

        The bare engine and ours, which a promise sets side by side, take turns; each rate of theirs is a median.
        """
        health: list[float] = []
        rates: dict[tuple[Way, int | None], list[float]] = {}

        def note(way: Way, clients: int | None, rate: float | None) -> None:
            if rate is not None:
                rates.setdefault((way, clients), []).append(rate)

        for way in tqdm(self._throughput_turns(), "throughput", unit="way"):
            for clients in CLIENTS:
                note(way, clients, self._try(way, lambda w, n=clients: w.images_per_second(n, seconds)))
            if way[1] == OURS:
                # In a run of its own, since asking fifty times a second takes a tenth of the processors.
                probe = HealthProbe(url)
                probe.start()
                self._try(way, lambda w: w.images_per_second(max(CLIENTS), seconds))
                health += probe.finish()
            if way[1] == BARE:
                note(way, None, self._try(way, lambda w: w.bulk_images_per_second(seconds)))
        self.throughput += [
            {"model": model, "way": name, "clients": clients, "images_per_second": round(float(np.median(found)), 3)}
            for ((model, name), clients), found in rates.items()
        ]
        if not health:
            return None
        p50, p99 = np.percentile(health, (50, 99)).tolist()
        return {"p50": round(p50, 2), "p99": round(p99, 2), "requests": len(health)}

    def _throughput_turns(self) -> list[Way]:
        """Every way once, by model, but the bare engine and ours in `_TURNS` turns at the end of their model."""
        turns: list[Way] = []
        for model in self._materials:
            ways = [way for way in self._workers if way[0] == model]
            paired = [way for way in ways if way[1] in (BARE, OURS)]
            turns += [way for way in ways if way not in paired] + _TURNS * paired
        return turns

    def stop_headline_ways(self) -> None:
        """End what sees the headline photo alone."""
        for way in self._headline_only & set(self._workers):
            self._workers.pop(way).stop()

    def measure_miou(self, photos: SegmentationDataset, references: Mapping[str, Reference]) -> dict[str, float]:
        """mIoU of every way on labelled photos at the card's pixel budget; returns that of PyTorch in fp32.

        Comes after a photo with the card's pixel budget.
        """
        truth = [sample.label for sample in photos]
        cases = [
            Case(item.name, item.image.read_bytes(), *label.shape, None)
            for item, label in zip(photos.items, truth, strict=True)
        ]
        for way in tqdm([way for way in self._workers if way[1] != BARE], "mIoU", unit="way"):
            card = self._materials[way[0]].card
            masks = [self._try(way, lambda worker, case=case: worker.mask_of(case)) for case in cases]
            if None not in masks:
                labels = [labels_of(mask, palette_of(card.taxonomy)) for mask in masks if mask is not None]
                score = miou(labels, truth, card)
                for row in self.rows:
                    if (row["model"], row["way"]) == way:
                        row["miou"] = score
        return {
            name: miou([reference.labels(case) for case in cases], truth, self._materials[name].card)
            for name, reference in references.items()
        }

    def _try(self, way: Way, ask: Any) -> Any:
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
