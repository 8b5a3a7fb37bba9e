"""Prometheus metrics of one app, in a registry of its own, so that two apps in one process do not mix."""

import time
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from back.guards.connections import Connections

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)


class Metrics:
    """What /metrics shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "streetseg_requests",
            "Requests by route and status",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "streetseg_request_seconds",
            "From the first byte of a request to the last of its response",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "streetseg_stage_seconds",
            "Time of one stage of a prediction",
            ("model", "stage"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.admitted = Gauge("streetseg_admitted_requests", "Photos worked on or waiting", registry=self.registry)
        self.working = Gauge("streetseg_working_requests", "Photos worked on", registry=self.registry)
        self.model_ready = Gauge(
            "streetseg_model_ready", "1 when a model serves", ("model", "version"), registry=self.registry
        )
        self.mlflow_up = Gauge("streetseg_mlflow_up", "1 when MLflow answered last", registry=self.registry)

    def watch(self, connections: Connections) -> None:
        """Show how many connections a server has, and which of them it ended."""
        self.registry.register(_ConnectionsCollector(connections))

    def observe_stages(self, model: str, timings_ms: Mapping[str, float]) -> None:
        """Count one prediction's stages, given in milliseconds."""
        for stage, duration in timings_ms.items():
            self.stages.labels(model, stage).observe(duration / 1000)

    def exposition(self) -> tuple[bytes, str]:
        """The metrics in Prometheus's text format, and its media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _ConnectionsCollector(Collector):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("streetseg_connections", "Open connections", len(self._connections))
        ended = CounterMetricFamily(
            "streetseg_ended_connections", "Connections that were ended by this side", labels=["reason"]
        )
        for reason, count in self._connections.ended.items():
            ended.add_metric([reason], count)
        yield ended


class MetricsMiddleware:
    """Counts requests and their time by the route's pattern, so that a scan of paths does not fill the registry."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "OPTIONS") else "other"
            self.metrics.requests.labels(method, route, str(status)).inc()
            self.metrics.seconds.labels(method, route).observe(time.perf_counter() - start)
