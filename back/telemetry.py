"""OpenTelemetry traces and metrics over OTLP where its usual variables name a collector; else no SDK is imported.

FastAPI itself follows requests; this adds where they go, and the stages of a prediction.
"""

import os
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
CLOSE_S = 3.0
_UNWATCHED = ("/healthz", "/readyz", "/metrics")  # asked every few seconds, by those who watch


def is_wanted() -> bool:
    """Whether the environment names a collector."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not disabled and any(os.environ.get(name) for name in _ENDPOINTS)


class Telemetry:
    """Spans of one app, and how long its stages take."""

    def __init__(self, traces: "TracerProvider", metrics: "MeterProvider") -> None:
        self._traces, self._metrics = traces, metrics
        self._tracer = traces.get_tracer("streetseg")
        self._seconds = metrics.get_meter("streetseg").create_histogram("streetseg.stage.duration", "s")

    @property
    def of_fastapi(self) -> TelemetryConfig:
        """What FastAPI shall send, and where."""
        return {
            "tracer_provider": self._traces,
            "meter_provider": self._metrics,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": _is_watched,
        }

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
        """Send what is still to be sent, for at most `CLOSE_S`: the SDK would wait for half a minute."""
        # Both at once. What they have not sent by then is lost with the process.
        threads = [
            threading.Thread(target=provider.shutdown, daemon=True) for provider in (self._traces, self._metrics)
        ]
        end = time.monotonic() + CLOSE_S
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))


def start() -> Telemetry | None:
    """Begin to send to the collector that the environment names; None where it names none."""
    if not is_wanted():
        return None
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
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
    return Telemetry(traces, metrics)


def _is_watched(scope: Scope) -> bool:
    return scope["path"] in _UNWATCHED
