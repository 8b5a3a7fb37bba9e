"""OpenTelemetry: what a collector gets, and that nothing of it is loaded where none is named."""

import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from back.main import create_app
from tests.api import PHOTO, Store, serving


class Collector:
    """A collector on a free port that keeps what it is sent."""

    def __init__(self) -> None:
        self.traces = ExportTraceServiceRequest()
        self.metrics = ExportMetricsServiceRequest()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                import gzip

                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                (collector.traces if self.path == "/v1/traces" else collector.metrics).MergeFromString(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "streetseg")
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_a_collector_gets_the_request_its_stages_and_the_loading(shared_store: Store, collector: Collector) -> None:
    with serving(create_app(shared_store.settings())) as api:
        assert api.post("/predict?model=segformer", files={"image": PHOTO}).status_code == 200
        assert api.get("/healthz").status_code == 200
    scopes = [scope for resource in collector.traces.resource_spans for scope in resource.scope_spans]
    spans = [span for scope in scopes for span in scope.spans]
    (request,) = [span for span in spans if span.name == "POST /predict"]
    stages = {span.name: span for span in spans if span.parent_span_id == request.span_id}
    assert set(stages) == {"decode", "resize", "infer", "argmax", "encode"}
    order = [stages[name] for name in ("resize", "infer", "argmax", "encode")]
    for first, second in itertools.pairwise(order):
        assert first.end_time_unix_nano == second.start_time_unix_nano
    for span in stages.values():
        assert request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    loads = [span for span in spans if span.name == "load"]
    assert {attribute.value.string_value for span in loads for attribute in span.attributes} >= {"segformer/1"}
    assert not [span for span in spans if "healthz" in span.name]
    named = {
        metric.name
        for resource in collector.metrics.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert "streetseg.stage.duration" in named
    assert any(name.startswith("http.server") for name in named)


def test_a_collector_that_never_answers_delays_no_end(shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen seconds are promised from SIGTERM to the end, and ten of them may go to requests."""
    monkeypatch.setattr("back.telemetry.CLOSE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with serving(create_app(shared_store.settings())) as api:
            assert api.post("/predict", files={"image": PHOTO}).status_code == 200
            start = time.monotonic()
        assert time.monotonic() - start < 5


def test_nothing_is_imported_where_no_collector_is_named() -> None:
    program = (
        "import sys; from back.main import create_app; from back.settings import Settings; create_app(Settings()); "
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=120)
    assert ended.stdout.strip() == "[]", ended.stderr
