"""What the routes share, hung on the app by the factory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from back.catalogue import ModelVersion
from back.evaluations import EvaluationDifferences
from back.problems import Problem
from back.prometheus import Metrics
from back.registry import ModelRegistry, Served
from back.settings import Settings
from back.workers import Workers

T = TypeVar("T")
_RETRY_S = 1.0  # how soon MLflow is asked again while nothing could be loaded


@dataclass
class Services:
    """Settings, models, workers and metrics of one app."""

    settings: Settings
    registry: ModelRegistry
    workers: Workers
    metrics: Metrics
    # One thread brings the models in line with MLflow, so that no two do it at once.
    _loader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "loader"))
    # Two threads wait for MLflow's answers to /runs, so that a slow MLflow holds up nothing else.
    _mlflow: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "mlflow"))
    _pinning: bool = False
    # What /differences has worked out, oldest first.
    differences: dict[tuple[ModelVersion, ModelVersion], EvaluationDifferences] = field(default_factory=dict)

    async def find_model(self, text: str | None) -> Served:
        """The model that a request means, loaded for it where it is a version that nobody asked for yet.

        Raises:
            Problem: 404 or 503, see `ModelRegistry.find`.
        """
        found = self.registry.find(text)
        if isinstance(found, Served):
            return found
        if self._pinning:  # one at a time: a client that walks through all versions must not hold up the others
            raise Problem(503, "Another version is being loaded; try again in 5 s.", retry_after_s=5, cause="loading")
        self._pinning = True
        try:
            return await _run_in(self._loader, lambda: self.registry.load_pinned(found))
        finally:
            self._pinning = False

    async def ask_mlflow(self, function: Callable[[], T]) -> T:
        """Run a blocking question to MLflow."""
        return await _run_in(self._mlflow, function)

    @asynccontextmanager
    async def keep_synced(self) -> AsyncIterator[None]:
        """Keep the models in line with MLflow while the app runs."""
        task = asyncio.create_task(self._sync_forever())
        try:
            yield
        finally:
            task.cancel()
            for pool in (self._loader, self._mlflow):
                pool.shutdown(wait=False, cancel_futures=True)
            self.workers.close()

    async def _sync_forever(self) -> None:
        while True:
            await _run_in(self._loader, self.registry.sync)
            settled = self.registry.mlflow_error is None and bool(self.registry.served)
            await asyncio.sleep(
                self.settings.reload_seconds if settled else min(_RETRY_S, self.settings.reload_seconds)
            )


async def _run_in(pool: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, function)


def _get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_get_services)]
