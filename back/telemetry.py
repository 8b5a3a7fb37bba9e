"""OpenTelemetry traces and metrics over OTLP where its usual variables name a collector; else nothing is imported."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import FastAPI

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
_UNWATCHED = "/healthz,/readyz,/metrics"  # asked every few seconds, by those who watch


def is_wanted() -> bool:
    """Whether the environment names a collector."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not disabled and any(os.environ.get(name) for name in _ENDPOINTS)


class Telemetry:
    """Spans of one app, and how long its stages take."""

    def __init__(self, traces: "TracerProvider", metrics: "MeterProvider") -> None:
        self._providers = (traces, metrics)
        self._tracer = traces.get_tracer("streetseg")
        self._seconds = metrics.get_meter("streetseg").create_histogram("streetseg.stage.duration", "s")

    def stage(self, name: str, start_ns: int, end_ns: int, model: str | None = None) -> None:
        """One stage of the request that this task answers."""
        attributes = {} if model is None else {"streetseg.model": model}
        self._tracer.start_span(name, start_time=start_ns, attributes=attributes).end(end_ns)
        self._seconds.record((end_ns - start_ns) / 1e9, attributes | {"streetseg.stage": name})

    def stages(self, timings_ms: Mapping[str, float], end_ns: int, model: str) -> None:
        """Stages that came one after the other, the last of which ended at `end_ns`."""
        for name, duration in reversed(list(timings_ms.items())):
            start_ns = end_ns - int(duration * 1e6)
            self.stage(name, start_ns, end_ns, model)
            end_ns = start_ns

    def close(self) -> None:
        """Send what is still to be sent, for at most a few seconds."""
        for provider in self._providers:
            provider.force_flush(2000)
            provider.shutdown()


def instrument(app: FastAPI) -> Telemetry | None:
    """Follow the requests of an app, where a collector is named."""
    if not is_wanted():
        return None
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "streetseg")
    resource = Resource.create()
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=traces,
        meter_provider=metrics,
        excluded_urls=_UNWATCHED,
        exclude_spans=["receive", "send"],
    )
    return Telemetry(traces, metrics)
