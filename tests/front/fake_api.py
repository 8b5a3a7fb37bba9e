"""A small stand-in for the API: the contract's answers on plausible data, and every way of failing, over real HTTP.

Its class maps are a fixed function of the photo's pixels and the model's name, so that bytes can be compared.
"""

import base64
import io
import json
import math
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

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

CLASSES = (
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (70, 70, 70)),
    ("vehicle", (0, 0, 142)),
    ("pedestrian", (220, 20, 60)),
    ("vegetation", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("background", (0, 0, 0)),
)
NAMES = tuple(name for name, _ in CLASSES)
MODELS = ("deeplabv3plus", "segformer")
STAGES = {"decode": 9.0, "resize": 4.0, "infer": 70.0, "argmax": 6.0, "encode": 3.0}


def labels_of(photo: bytes, model: str) -> npt.NDArray[np.uint8]:
    """A class map [H, W]: sky above, road below, what is dark a vehicle, what is green vegetation."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
    rgb = np.asarray(image, np.int16)
    height, width = rgb.shape[:2]
    y = np.arange(height)[:, None] / height
    x = np.arange(width)[None, :] / width
    labels = np.where(y < 0.35, 6, np.where(y < 0.6, 2, 0)) + np.zeros((height, width), np.int64)
    labels[(y > 0.6) & ((x < 0.2) | (x > 0.8))] = 1
    labels[(rgb[..., 1] > rgb[..., 0] + 12) & (rgb[..., 1] > rgb[..., 2] + 12)] = 5
    dark = 60 if model == "deeplabv3plus" else 75
    labels[(rgb.max(2) < dark) & (y > 0.4)] = 3
    if model != "deeplabv3plus":
        labels = np.roll(labels, 3, axis=1)
    return labels.astype(np.uint8)


def png_of(labels: npt.NDArray[np.uint8], output: str, photo: bytes, opacity: float) -> bytes:
    image = Image.fromarray(labels)
    if output == "mask":
        image = image.convert("P")
        image.putpalette([v for _, colour in CLASSES for v in colour])
        image.putdata(list(labels.ravel())) if labels.size < 1000 else image.frombytes(labels.tobytes())
    elif output == "overlay":
        palette = np.array([c for _, c in CLASSES], np.uint8)
        base = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
        image = Image.blend(base, Image.fromarray(palette[labels]), opacity)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def matrix_of(seed: int, size: int = 8, scale: int = 1000, quality: float = 0.8) -> list[list[int]]:
    """A confusion matrix whose diagonal dominates."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, max(2, int(scale * (1 - quality) / size)), (size, size))
    np.fill_diagonal(matrix, rng.integers(int(scale * quality * 0.6), scale, size))
    return [[int(v) for v in row] for row in matrix]


def iou_of(matrix: list[list[int]]) -> dict[str, float | None]:
    cm = np.asarray(matrix, float)
    union = cm.sum(0) + cm.sum(1) - np.diag(cm)
    return {n: float(np.diag(cm)[i] / union[i]) if union[i] else None for i, n in enumerate(NAMES)}


def evaluation_of(model: str) -> dict[str, Any]:
    """An evaluation record with twelve images."""
    quality = 0.86 if model == "segformer" else 0.8
    images = [matrix_of(100 + i, quality=quality - 0.01 * i) for i in range(12)]
    total = np.sum([np.asarray(m) for m in images], 0).tolist()
    iou = iou_of(total)
    miou = float(np.mean([v for v in iou.values() if v is not None]))
    accuracy = float(np.trace(np.asarray(total)) / np.sum(total))
    p50 = 92.0 if model == "segformer" else 61.0
    return {
        "schema_version": 1,
        "model": model,
        "dataset": "scenes",
        "split": "val",
        "split_sha256": "ab" * 32,
        "taxonomy": "street8",
        "images": 12,
        "engine": "openvino bf16",
        "miou": miou,
        "miou_8": miou,
        "miou_7": float(np.mean([v for n, v in iou.items() if n != "background" and v is not None])),
        "pixel_accuracy": accuracy,
        "class_iou": iou,
        "confusion_matrix": total,
        "boundary": {"boundary_iou": miou - 0.2},
        "latency": {
            "ms": {s: {"p50": v, "p95": v * 1.3, "p99": v * 1.6} for s, v in STAGES.items()}
            | {"total": {"p50": p50, "p95": p50 * 1.3, "p99": p50 * 1.7}},
            "photo": "960x720 JPEG",
            "machine": {"cpu": "test"},
            "peak_rss_bytes": 700_000_000 if model == "segformer" else 520_000_000,
        },
        "cost": {"parameters": 4_000_000, "multiply_adds": 9_000_000_000, "file_size_bytes": 16_000_000},
        "per_image": [
            {
                "name": f"scene_{i:03}",
                "sequence": f"seq{i // 2}",
                "miou": float(np.mean([v for v in iou_of(m).values() if v is not None])),
                "pixel_accuracy": float(np.trace(np.asarray(m)) / np.sum(m)),
                "confusion_matrix": m,
            }
            for i, m in enumerate(images)
        ],
    }


def entry_of(model: str, version: str) -> dict[str, Any]:
    evaluation = evaluation_of(model)
    return {
        "name": model,
        "version": version,
        "alias": "champion",
        "sha256": (model.encode().hex() + version * 64)[:64],
        "architecture": model,
        "taxonomy": "street8",
        "description": f"{model} trained on rendered scenes, for tests.",
        "ready": True,
        "loading": False,
        "error": None,
        "engine": {"name": "openvino", "precision": "bf16", "reason": "the processor has AMX"},
        "metrics": {
            k: evaluation[k]
            for k in ("dataset", "split", "split_sha256", "images", "engine", "miou", "miou_8", "miou_7")
        }
        | {"pixel_accuracy": evaluation["pixel_accuracy"], "class_iou": evaluation["class_iou"]},
        "parameters": 4_912_000 if model == "deeplabv3plus" else 3_716_000,
        "multiply_adds": 9_000_000_000,
        "file_size_bytes": 19_900_000 if model == "deeplabv3plus" else 14_900_000,
        "pixel_budget": 518_400,
        "run_id": f"run-{model}",
        "data_licence": "rendered scenes",
        "weights_licence": "MIT",
    }


def loading_entry_of(model: str) -> dict[str, Any]:
    """A registered model that is being loaded: name and version are known, nothing else is."""
    known = {"name": model, "version": "1", "alias": "champion", "run_id": f"run-{model}"}
    state = {"ready": False, "loading": True, "error": f"{model} is being loaded; try again in a few seconds."}
    return dict.fromkeys(entry_of(model, "1")) | known | state


def card_of(model: str) -> dict[str, Any]:
    entry = entry_of(model, "1")
    return {
        "schema_version": 1,
        "name": model,
        "architecture": model,
        "build": {"encoder": "efficientnet_lite0"},
        "description": entry["description"],
        "limits": "Daylight only. Small pedestrians are often missed.",
        "taxonomy": taxonomy(),
        "input": {
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "resize_filter": "bilinear",
            "stride": 32,
            "score_stride": 4,
            "pixel_budget": 518_400,
            "fixed_size": None,
        },
        "parameters": entry["parameters"],
        "multiply_adds": entry["multiply_adds"],
        "metrics": entry["metrics"],
        "training": {
            "run_id": f"run-{model}",
            "git_commit": "0123456789abcdef",
            "git_dirty": False,
            "seed": 7,
            "recipe": {"epochs": 20, "optimizer": {"name": "adamw", "lr": 0.001}},
            "dataset": "scenes",
            "split": "train",
            "split_sha256": "cd" * 32,
            "data_licence": "rendered scenes",
            "weights_licence": "MIT",
            "initialisation": "ImageNet",
            "epochs": 20,
            "steps": 4000,
            "wall_time_s": 5400.0,
            "packages": {"torch": "2.15.0"},
        },
        "robustness": {"fog": 6.2, "night": 21.5, "motion blur": 9.1},
        "self_test": {"image_png": "", "labels_png": "", "min_agreement": 0.99},
        "files": {"model.onnx": "ef" * 32, "model.safetensors": "12" * 32},
    }


def taxonomy() -> dict[str, Any]:
    classes = [{"id": i, "name": n, "color": list(c)} for i, (n, c) in enumerate(CLASSES)]
    return {"id": "street8", "classes": classes, "ignore_index": 255}


def run_of(model: str) -> dict[str, Any]:
    lr = "0.001" if model == "deeplabv3plus" else "0.0006"
    return {
        "run_id": f"run-{model}",
        "name": f"{model} scenes",
        "status": "FINISHED",
        "start_time": 1_760_000_000_000,
        "end_time": 1_760_005_400_000,
        "model": model,
        "version": "1",
        "params": {"architecture": model, "learning_rate": lr, "epochs": "20", "seed": "7"},
        "metrics": {name: points[-1]["value"] for name, points in history_of(model).items()},
        "tags": {},
        "url": f"http://127.0.0.1:5000/#/experiments/1/runs/run-{model}",
    }


def history_of(model: str) -> dict[str, list[dict[str, Any]]]:
    quicker = 1.0 if model == "deeplabv3plus" else 0.7

    def curve(function: Any) -> list[dict[str, Any]]:
        return [{"step": e, "value": function(e), "timestamp": 1_760_000_000_000 + e * 1000} for e in range(1, 21)]

    return {
        "train_loss": curve(lambda e: 1.6 * math.exp(-quicker * e / 8) + 0.2),
        "val_loss": curve(lambda e: 1.5 * math.exp(-quicker * e / 8) + 0.3),
        "val_miou": curve(lambda e: 0.7 * (1 - math.exp(-quicker * e / 6))),
        "val_pixel_accuracy": curve(lambda e: 0.92 * (1 - math.exp(-quicker * e / 4))),
        "val_iou_road": curve(lambda e: 0.95 * (1 - math.exp(-quicker * e / 3))),
        "learning_rate": curve(lambda e: 0.001 * (1 - e / 21) ** 0.9),
        "images_per_second": curve(lambda e: 30 + e % 3),
        "epoch_seconds": curve(lambda e: 270.0),
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
        self.calls: list[str] = []
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
            return {"default": self.models[0] if self.models else None, "pictures": bool(self.pictures)} | {
                "models": self._entries()
            }
        if path == "/classes":
            return taxonomy()
        if path == "/readyz":
            return {"status": "ready", "models": [entry["name"] for entry in self._entries() if entry["ready"]]}
        if path == "/images":
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
        if path == "/runs":
            runs = self.runs[: int(query.get("limit", 100))]
            return {"mlflow_ui_url": "http://127.0.0.1:5000", "experiment_id": "1", "runs": runs}
        if path.startswith("/runs/"):
            name = path.removeprefix("/runs/run-")
            return run_of(name) | {"history": history_of(name)}
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
            return 415, "The file is no JPEG, PNG or WEBP image; send one of these."
        if width * height > self.max_pixels:
            return 413, f"The photo has {width * height} pixels; send one of at most {self.max_pixels}."
        if path == "/predict":
            labels = labels_of(photo, query.get("model", self.models[0]).split("/")[0])
            return png_of(labels, query.get("output", "mask"), photo, float(query.get("opacity", 0.5)))
        names = query["models"].split(",") if "models" in query else list(self.models)
        maps = {name: labels_of(photo, name) for name in names}
        return {
            "width": width,
            "height": height,
            "decode_ms": 9.0,
            "models": [self._prediction(name, labels) for name, labels in maps.items()],
            "pairs": [_pair(a, b, maps[a], maps[b]) for i, a in enumerate(names) for b in names[i + 1 :]],
            "disagreement": None
            if len(names) < 2
            else _picture((maps[names[0]] != maps[names[1]]).astype(np.uint8) * 255),
            "label": self._label(maps, files["label"]) if "label" in files else None,
        }

    def _prediction(self, name: str, labels: npt.NDArray[np.uint8]) -> dict[str, Any]:
        height, width = labels.shape
        counts = np.bincount(labels.ravel(), minlength=8)
        return {
            "model": name,
            "version": self.version,
            "sha256": entry_of(name, self.version)["sha256"],
            "width": width,
            "height": height,
            "timings_ms": STAGES | {"total": sum(STAGES.values())},
            "class_shares": {n: float(counts[i] / labels.size) for i, n in enumerate(NAMES)},
            "image": {"output": "classes", **_picture(labels)},
        }

    def _label(self, maps: dict[str, npt.NDArray[np.uint8]], label: bytes) -> dict[str, Any]:
        truth = np.asarray(Image.open(io.BytesIO(label)))
        result = {}
        for name, labels in maps.items():
            valid = truth < 8
            cm = np.bincount(truth[valid].astype(int) * 8 + labels[valid], minlength=64).reshape(8, 8)
            iou = iou_of(cm.tolist())
            errors = np.where(valid & (truth != labels), 255, 0).astype(np.uint8)
            result[name] = {
                "miou": float(np.mean([v for v in iou.values() if v is not None])),
                "pixel_accuracy": float(np.trace(cm) / cm.sum()),
                "class_iou": iou,
                "confusion_matrix": cm.tolist(),
                "errors": _picture(errors),
            }
        return {"models": result}


def _picture(labels: npt.NDArray[np.uint8]) -> dict[str, str]:
    png = png_of(labels, "classes", b"", 0.0)
    return {"media_type": "image/png", "base64": base64.b64encode(png).decode()}


def _pair(a: str, b: str, x: npt.NDArray[np.uint8], y: npt.NDArray[np.uint8]) -> dict[str, Any]:
    cm = np.bincount(x.ravel().astype(int) * 8 + y.ravel(), minlength=64).reshape(8, 8)
    return {"a": a, "b": b, "pixel_agreement": float((x == y).mean()), "confusion_matrix": cm.tolist()}


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
            self._serve(
                {str(p.get_param("name", header="content-disposition")): p.get_payload(decode=True) for p in parts}
            )

        def _serve(self, files: dict[str, bytes]) -> None:
            url = urlsplit(self.path)
            api.calls.append(self.path)
            failure = self._failure(url.path)
            if failure:
                return
            time.sleep(api.delay_s)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
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
