"""The stand-in's evaluations: they go as far as a test says, and tell results in the form of the real ones."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from back.runtime.evaluation.result import result_of, table_of
from back.runtime.evaluation.score import ModelScores, Scored
from back.runtime.taxonomy import STREET8
from tests.bundles import png_bytes, stripes


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (48, 24), (90, 90, 90)).save(out, "JPEG")
    return out.getvalue()


PICTURES = 8
_LABELS_HW = stripes(24, 48, 8)
_JPEG = _jpeg()


@dataclass
class FakeEvaluations:
    """`jobs` are what GET /jobs/{id} answers; `refusal` is (status, sentence) for whatever is sent."""

    folders: list[str] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[dict[str, str]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    refusal: tuple[int, str] | None = None

    def hold(self, query: dict[str, str], files: dict[str, bytes]) -> Any:
        """POST /evaluations."""
        if self.refusal is not None:
            return self.refusal
        self.queries.append(query)
        self.sent += files.values()
        name = f"evaluation-{len(self.queries)}"
        self.jobs[name] = {
            "id": name, "kind": "evaluation", "state": "held", "model": query["model"], "version": "1",
            "other": None, "clip": None, "ahead": 0, "frames": 0, "progress": 0.0, "images_per_s": None,
            "seconds_left": None, "error": None, "notes": [], "files": {}, "created": 0.0, "kept_until": 4e9,
            "evaluation": {
                "folder": query.get("folder"), "layout": "folder", "splits": ["all", "train", "val"], "split": "all",
                "pictures": PICTURES, "unlabelled": 1, "pairs": [["a.jpg", "a.png"]], "left_out": ["links: 1: x.png"],
                "label_kind": None, "label_kinds": ["street8", "cityscapes_label_ids", "camvid11"],
                "values": list(range(8)), "clips": "names", "table": "weather.csv",
            },
        }  # fmt: skip
        return self.jobs[name]

    def begin(self, name: str, query: dict[str, str]) -> Any:
        """POST /evaluations/{id}."""
        if self.refusal is not None:
            return self.refusal
        self.queries.append(query)
        told = {"state": "queued", "model": query["model"], "other": query.get("other"), "kept_until": None}
        self.jobs[name] |= told
        self.jobs[name]["evaluation"] |= {key: query[key] for key in ("label_kind", "split", "clips")}
        return self.jobs[name]

    def finish(self, name: str) -> None:
        """It is done."""
        files = {"result": f"/jobs/{name}/result.json", "pictures": f"/jobs/{name}/pictures.csv"}
        self.jobs[name] |= {"state": "done", "frames": PICTURES, "progress": 1.0, "kept_until": 4e9, "files": files}

    def answer(self, method: str, path: str) -> Any:
        """GET and DELETE of /jobs/{id} and of a result; None where the job is none of these."""
        _, _, name, *file = path.split("/")
        job = self.jobs.get(name)
        if job is None:
            return None
        if method == "DELETE":
            del self.jobs[name]
            return b""
        if not file:
            return job
        models = [job["model"], *([job["other"]] if job["other"] else [])]
        if file[0] == "result.json":
            return json.dumps(result_for(models)).encode()
        if file[0] == "pictures.csv":
            return table_of(result_for(models), models)
        return _JPEG if file[0].endswith(".jpg") else png_bytes(_LABELS_HW)


def result_for(models: list[str]) -> dict[str, Any]:
    """Of picture i the first model takes i hundred pixels of road for sidewalk, the second of sky for building."""
    scored = [_scored(number, len(models)) for number in range(PICTURES)]
    weather = {"weather": {one.name: "rain" if one.number % 2 else "sun" for one in scored}}
    told = {"models": models, "label_kind": "street8", "split": "all", "notes": []}
    refused = [{"name": "broken", "why": "The image is damaged: its pixels cannot be decoded."}]
    return told | result_of(scored, STREET8, weather) | {"refused": refused}


def _scored(number: int, models: int) -> Scored:
    scores = []
    for truth, seen in ((0, 1), (6, 2))[:models]:
        matrix = np.diag(np.full(8, 1000))
        matrix[truth, truth] -= 100 * number
        matrix[truth, seen] += 100 * number
        parts = np.array([matrix, np.zeros_like(matrix), np.zeros_like(matrix)], np.int64)
        scores.append(ModelScores({"height": parts, "size": parts}, 0.1 * (PICTURES - number)))
    name = f"{'abcdefgh'[number]}_street"
    return Scored(number, name, name, 48, 24, number / 10, tuple(scores), 0.5 if models > 1 else None)
