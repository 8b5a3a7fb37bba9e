"""What the routes share, hung on the app by the factory."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from back.catalogue import ModelVersion
from back.evaluations import EvaluationDifferences
from back.jobs.jobs import Jobs
from back.loading import Served
from back.problems import Problem
from back.prometheus import Metrics
from back.registry import ModelRegistry
from back.runtime.card import Card
from back.settings import Settings
from back.shared_photos import SharedPhotos
from back.telemetry import Telemetry
from back.workers import IsGone, Workers, run_in, unless_gone

T = TypeVar("T")
_PIN_S = 30.0  # how long a request waits for a version that is loaded for it
_SWEEP_S = 60.0
_RETRY_S = 1.0  # how soon MLflow is asked again while nothing could be loaded
_FETCHING = 2  # pictures that are read from Label Studio at a time
_MAX_QUESTIONS = 16  # to MLflow, waiting or asked
_OVERDUE_PERIODS = 3  # of `reload_seconds`, after which the loop that follows MLflow counts as stuck
log = logging.getLogger("streetseg")


@dataclass
class Services:
    """Settings, models, workers and metrics of one app."""

    settings: Settings
    registry: ModelRegistry
    workers: Workers
    metrics: Metrics
    jobs: Jobs
    shared: SharedPhotos
    telemetry: Telemetry | None = None
    # One thread brings the models in line with MLflow, so that no two do it at once.
    _loader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "loader"))
    # One loads versions that a request asks for, which may hang without keeping the other from its work.
    _pins: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "pins"))
    # Two threads wait for MLflow's answers to /runs, so that a slow MLflow holds up nothing else.
    _mlflow: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "mlflow"))
    # Who holds it has a picture of another server in memory, or waits for one.
    fetching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_FETCHING))
    _asking: int = 0
    _pinning: bool = False
    _followed_at: float = field(default_factory=time.monotonic)  # when MLflow was last asked, whatever it answered
    # What /differences has worked out, oldest first.
    differences: dict[tuple[ModelVersion, ModelVersion], EvaluationDifferences] = field(default_factory=dict)

    async def find_model(self, text: str | None) -> Served:
        """The model that a request means, loaded for it where it is a version that nobody asked for yet.

        Raises:
            Problem: 404 or 503, see `ModelRegistry.find`.
        """
        try:
            found = self.registry.find(text)
        except Problem:
            if text is None or text not in self.registry.served:  # a name that looks like name@alias, for one
                raise
            return self.registry.served[text]
        if isinstance(found, Served):
            return found
        start_ns = time.time_ns()
        served = await self._fetch_pinned(lambda: self.registry.pinned.load(found))
        self._tell_loaded({f"{served.name}/{served.version.version}"}, start_ns)
        return served

    async def find_card(self, text: str | None) -> Card:
        """The card of the model that a request means; no network is loaded for it.

        Raises:
            Problem: 404 or 503, see `ModelRegistry.find`.
        """
        found = self.registry.find(text)
        if isinstance(found, Served):
            return found.predictor.card
        pinned = self.registry.pinned
        card = pinned.card(found)
        return await self._fetch_pinned(lambda: pinned.read_card(found)) if card is None else card

    async def _fetch_pinned(self, function: Callable[[], T]) -> T:
        """Get something of a version that no name means, one at a time: who walks through all must hold up nobody."""
        if self._pinning:
            raise Problem(503, "Another version is being loaded; try again in 5 s.", retry_after_s=5, cause="loading")
        self._pinning = True
        getting = asyncio.ensure_future(run_in(self._pins, function))
        getting.add_done_callback(self._pinned)
        await asyncio.wait({getting}, timeout=_PIN_S)  # which leaves it going, also when the client is gone
        if not getting.done():
            raise Problem(503, "That version is being loaded; try again in 5 s.", retry_after_s=5, cause="loading")
        return getting.result()

    def _pinned(self, getting: "asyncio.Future[T]") -> None:
        self._pinning = False
        if not getting.cancelled():
            getting.exception()  # retrieved, or asyncio would report it where nobody waits any more

    async def ask_mlflow(self, function: Callable[[], T], is_gone: IsGone) -> T:
        """Run a blocking question to MLflow; one whose client has left before its turn is not asked.

        Raises:
            Problem: 503, many questions wait already; 499, the client left.
        """
        if self._asking >= _MAX_QUESTIONS:
            sentence = f"{self._asking} questions wait for MLflow; try again in 5 s."
            raise Problem(503, sentence, retry_after_s=5, cause="overloaded")
        self._asking += 1
        try:
            return await unless_gone(run_in(self._mlflow, function), is_gone)
        finally:
            self._asking -= 1

    @asynccontextmanager
    async def keep_synced(self) -> AsyncIterator[None]:
        """Keep the models in line with MLflow while the app runs."""
        await asyncio.to_thread(self.jobs.resume)
        tasks = [asyncio.create_task(one) for one in (self._sync_forever(), self._watch(), self._sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self.registry.close()
            await asyncio.to_thread(self.jobs.close)
            for pool in (self._loader, self._pins, self._mlflow):
                pool.shutdown(wait=False, cancel_futures=True)
            self.workers.close()
            if self.telemetry is not None:
                await asyncio.to_thread(self.telemetry.close)

    @property
    def overdue(self) -> str | None:
        """A sentence where MLflow has not been followed for three periods, for instance because a load hangs."""
        waited_s = time.monotonic() - self._followed_at
        if waited_s < _OVERDUE_PERIODS * max(self.settings.reload_seconds, _RETRY_S):
            return None
        return (
            f"MLflow has not been followed for {waited_s:.0f} s: aliases that moved since are not served yet. "
            "What is loaded keeps serving; if this stays, restart the API."
        )

    async def _sync_forever(self) -> None:
        told: set[str] = set()  # names, since the models themselves would be kept in memory
        began_ns = time.time_ns()
        while True:
            try:
                await run_in(self._loader, partial(self.registry.sync, self.settings.reload_seconds))
                # A load that takes longer than a round goes on in the background, and is told in the next.
                served = {f"{one.name}/{one.version.version}" for one in self.registry.served.values()}
                self._tell_loaded(served - told, began_ns)
                if len(served) == len(self.registry.catalogue):
                    began_ns = time.time_ns()
                told = served
            except Exception:  # a bug, whose trace belongs in the log; the next round may go better
                log.exception("following MLflow failed, and goes on")
            self._followed_at = time.monotonic()
            settled = self.registry.mlflow_error is None and bool(self.registry.served)
            await asyncio.sleep(
                self.settings.reload_seconds if settled else min(_RETRY_S, self.settings.reload_seconds)
            )

    def _tell_loaded(self, models: set[str], start_ns: int) -> None:
        if self.telemetry is not None:
            for model in sorted(models):
                self.telemetry.stage("load", start_ns, time.time_ns(), model)

    async def _watch(self) -> None:
        """Say once in the log when the loop above is stuck, and once when it goes on."""
        said = False
        while True:
            await asyncio.sleep(max(self.settings.reload_seconds, _RETRY_S))
            overdue = self.overdue
            if overdue and not said:
                log.error("%s", overdue)
            elif said and not overdue:
                log.info("MLflow is followed again")
            said = overdue is not None

    async def _sweep(self) -> None:
        """Delete shared photos in time, though nobody asks for them."""
        while True:
            await asyncio.to_thread(self.shared.sweep)
            await asyncio.sleep(_SWEEP_S)


def _get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_get_services)]
