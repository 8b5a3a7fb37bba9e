"""A small stand-in for the API: the contract's answers on plausible data, and every way of failing, over HTTP."""

import io
import json
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageOps

from back.runtime.labels.read import LabelFileError, values_by_source
from tests.front.fake_evaluations import FakeEvaluations
from tests.front.fake_jobs import FakeJobs
from tests.front.fake_masks import comparison_of, evaluated_image_of, label_scores, labels_of, png_of, prediction_of
from tests.front.fake_records import (
    MODELS,
    card_of,
    differences_of,
    entry_of,
    evaluation_of,
    history_of,
    loading_entry_of,
    panel_picture_of,
    run_of,
    taxonomy,
)
from tests.front.fake_shared import FakeShared

# starting: MLflow has not named the models yet. half: at the start, all but the first are being loaded. joining: so
# later, when others were registered. empty: MLflow holds no model. cut_off: MLflow was never reached. adrift: MLflow
# went away when the models were loaded.
Mode = Literal[
    "ok",
    "starting",
    "half",
    "joining",
    "empty",
    "cut_off",
    "adrift",
    "busy",
    "limited",
    "proxied",
    "error",
    "slow",
    "broken",
]
_LOADING = "The models are being loaded; try again in a few seconds."
_EMPTY = "MLflow at http://mlflow:5000 holds no model; register one with: python -m modelisation register BUNDLE"
_AWAY = "MLflow at http://mlflow:5000 does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI."
# What /readyz and all that needs a model answer: (cause, sentence).
_NOT_READY = {
    "starting": ("loading", _LOADING),
    "half": ("loading", "segformer is being loaded; try again in a few seconds."),
    "empty": ("no-model", _EMPTY),
    "cut_off": ("mlflow-away", _AWAY),
}


class FakeApi:
    """The server on a free port of 127.0.0.1. `mode` may change at any time; `calls` are the paths asked for."""

    def __init__(self, port: int = 0) -> None:
        self.mode: Mode = "ok"
        self.delay_s = 0.0
        self.max_pixels = 40_000_000
        self.version = "1"
        self.models: tuple[str, ...] = MODELS
        self.pictures: dict[str, bytes] = {}  # JPEG by image name; empty: no data set beside the API
        self.runs = [run_of(model) for model in MODELS]  # newest first
        self.panels: dict[str, list[int]] = {}  # epochs with pictures, by the name of a run
        self.stale_s: float | None = None
        self.calls: list[str] = []
        self.clips = FakeJobs()
        self.evaluations = FakeEvaluations()
        self.shared = FakeShared()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "FakeApi":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, path: str) -> int:
        return sum(call.startswith(path) for call in self.calls)

    def answer(self, path: str, query: dict[str, str], files: dict[str, bytes]) -> Any:
        """A JSON-able body, PNG bytes, or (status, detail)."""
        if path == "/models":
            return {
                "default": self.models[0] if self.models else None,
                "pictures": bool(self.pictures),
                "stale_s": self.stale_s,
            } | {"models": self._entries()}
        if path == "/classes":
            return taxonomy()
        if path == "/readyz":
            return {"status": "ready", "models": [entry["name"] for entry in self._entries() if entry["ready"]]}
        if path == "/folders":
            return {"folders": self.evaluations.folders}
        if path == "/images/layers" and query["name"] in self.pictures:
            return evaluated_image_of(query["name"], self.pictures[query["name"]], query["model"])
        if path in ("/images", "/images/layers"):
            if query["name"] not in self.pictures:
                return 404, f"STREETSEG_DATASET_DIR holds no picture {query['name']!r} of the split 'val'."
            return self.pictures[query["name"]]
        if path.startswith("/models/"):
            name = path.removeprefix("/models/")
            unready = next((e for e in self._entries() if e["name"] == name and not e["ready"]), None)
            if unready is not None:
                return unready | {"card": None, "report": None}
            if name not in self.models:
                return 404, f"There is no model {name}; there are {', '.join(self.models)}."
            report = {"schema_version": 1, "evaluation": evaluation_of(name), "parity": None, "robustness": None}
            return entry_of(name, self.version) | {"card": card_of(name), "report": report}
        if path == "/differences":
            return differences_of(query["a"], query["b"])
        if path == "/runs":
            runs = self.runs[: int(query.get("limit", 100))]
            return {"mlflow_ui_url": "http://127.0.0.1:5000", "experiment_id": "1", "runs": runs}
        if path.startswith("/runs/"):
            name, _, picture = path.removeprefix("/runs/run-").partition("/panel/")
            if picture:
                return panel_picture_of(name, picture)
            return run_of(name) | {"history": history_of(name), "panel": self.panels.get(name, [])}
        if path == "/labels":
            try:
                return {"values": values_by_source(files["label"])}
            except LabelFileError as error:
                return 422, f"The label cannot be read: {error.detail}."
        if path == "/upright":
            upright = ImageOps.exif_transpose(Image.open(io.BytesIO(files["image"]))).convert("RGB")
            out = io.BytesIO()
            upright.save(out, "JPEG")
            return out.getvalue()
        if path in ("/predict", "/compare"):
            return self._infer(path, query, files)
        return 404, f"There is nothing at {path}."

    def _entries(self) -> list[dict[str, Any]]:
        """The list as it is in this mode: empty until MLflow has named the models, then each with its state."""
        if self.mode in ("starting", "empty", "cut_off"):
            return []
        entries = [entry_of(model, self.version) for model in self.models]
        if self.mode in ("half", "joining"):
            entries[1:] = [loading_entry_of(model) for model in self.models[1:]]
        return entries

    def _infer(self, path: str, query: dict[str, str], files: dict[str, bytes]) -> Any:
        photo = files["image"]
        try:
            width, height = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).size
        except OSError:
            return 415, "The file is no JPEG, PNG, WEBP, HEIC or AVIF image; send one of these."
        if width * height > self.max_pixels:
            return 413, f"The photo has {width * height} pixels; send one of at most {self.max_pixels}."
        model = query.get("model", self.models[0]).split("/")[0]
        compared = query["models"].split(",") if "models" in query else list(self.models)
        names = [model] if path == "/predict" else compared
        for name in names:
            if name not in self.models:
                return 404, f"There is no model {name}; there are {', '.join(self.models)}."
        maps = {name: labels_of(photo, name) for name in names}
        if query.get("format") in ("coco", "polygons", "geojson"):
            return {"form": query["format"], "model": model}
        if path == "/predict":
            return png_of(maps[model], query.get("output", "mask"), photo, float(query.get("opacity", 0.5)))
        return {
            "width": width,
            "height": height,
            "models": [prediction_of(name, self.version, labels) for name, labels in maps.items()],
            **comparison_of(maps),
            "label": label_scores(maps, files["label"]) if "label" in files else None,
        }


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
            self._serve(
                {str(p.get_param("name", header="content-disposition")): p.get_payload(decode=True) for p in parts}
            )

        def do_DELETE(self) -> None:
            self._serve({})

        def _serve(self, files: dict[str, bytes]) -> None:
            url = urlsplit(self.path)
            api.calls.append(self.path)
            failure = self._failure(url.path)
            if failure:
                return
            time.sleep(api.delay_s)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            if url.path == "/videos":
                answer = api.clips.add(query, files["clip"])
            elif url.path == "/evaluations":
                answer = api.evaluations.hold(query, files)
            elif url.path.startswith("/evaluations/"):
                answer = api.evaluations.begin(url.path.rsplit("/", 1)[1], query)
            elif url.path.startswith("/jobs/"):
                found = api.evaluations.answer(self.command, url.path)
                answer = api.clips.answer(self.command, url.path) if found is None else found
            elif url.path.startswith("/shared"):
                named = {"models": ",".join(one.split("/")[0] for one in query.get("models", "").split(","))}
                kind = query.get("label_taxonomy", "street8")
                said = api.answer("/compare", named, files) if files else None
                new = (files["image"], said, files.get("label"), kind) if files else None
                answer = api.shared.answer(self.command, url.path, self.headers, new)  # type: ignore[arg-type]
            else:
                answer = api.answer(url.path, query, files)
            if isinstance(answer, tuple):
                self._problem(*answer)
            elif isinstance(answer, bytes):
                self._send(200, answer, "image/png" if answer.startswith(b"\x89PNG") else "image/jpeg")
            else:
                self._send(200, json.dumps(answer).encode(), "application/json")

        def _failure(self, path: str) -> bool:
            """Fail as the mode says; an API that is not ready, busy or limited still answers questions."""
            asks_photo = path in ("/predict", "/compare")
            needs_model = asks_photo or path == "/classes" or path.startswith("/models/")
            if api.mode in _NOT_READY and (path == "/readyz" or (needs_model and api.mode != "half")):
                self._problem(503, _NOT_READY[api.mode][1], 2 if path == "/readyz" else 5, _NOT_READY[api.mode][0])
            elif api.mode in ("cut_off", "adrift") and path.startswith("/runs"):
                self._problem(503, f"{_AWAY} Predictions are not affected.", 10, "mlflow-away")
            elif api.mode == "busy" and asks_photo:
                self._problem(503, "64 photos are being worked on or wait; try again in 1 s.", 1, "overloaded")
            elif api.mode == "limited" and asks_photo:
                self._send(429, b"<html>Too Many Requests</html>", "text/html", {"Retry-After": "1"})
            elif api.mode == "proxied":
                self._send(502, b"<html>Bad Gateway</html>", "text/html")
            elif api.mode == "error" and path != "/readyz":
                self._problem(500, "The engine failed; see the log.")
            elif api.mode == "broken" and path != "/readyz":
                self._send(200, b"{ not json", "application/json")
            else:
                if api.mode == "slow" and path != "/readyz":
                    time.sleep(1.0)
                return False
            return True

        def _problem(
            self, status: int, detail: str, retry_after: int | None = None, cause: str | None = None
        ) -> None:
            body = {
                "type": f"urn:streetseg:{cause}" if cause else "about:blank",
                "title": "Problem",
                "status": status,
                "detail": detail,
                "instance": self.path,
            }
            headers = {"Retry-After": str(retry_after)} if retry_after else None
            self._send(status, json.dumps(body).encode(), "application/problem+json", headers)

        def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    return Handler


if __name__ == "__main__":
    with FakeApi(port=8123) as running:
        print(running.url)
        threading.Event().wait()
