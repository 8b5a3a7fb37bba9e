"""The dashboard's one HTTP client: every byte that a page shows comes through here.

Each failure becomes an `ApiError` whose `kind` says whether waiting helps and whose text is ready to be shown.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import requests

Kind = Literal["down", "starting", "unserved", "mlflow", "overloaded", "slow", "failed", "broken", "rejected"]
Json = dict[str, Any]

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_SECONDS = 3.0
READ_SECONDS = 120.0

_TITLES: Mapping[Kind, str] = {
    "down": "The API does not answer",
    "starting": "The API is getting ready",
    "unserved": "The API has no model to answer with",
    "mlflow": "The API cannot read from MLflow",
    "overloaded": "The API is busy",
    "slow": "The API takes too long",
    "failed": "The API met an error",
    "broken": "The answer is not what this dashboard expects",
    "rejected": "The API did not accept this",
}

# What the API waits for: the `type` of its 503 answers.
_CAUSES: Mapping[str, Kind] = {
    "urn:streetseg:overloaded": "overloaded",
    "urn:streetseg:loading": "starting",
    "urn:streetseg:mlflow-away": "mlflow",
    "urn:streetseg:no-model": "unserved",
}


class ApiError(Exception):
    """A call that brought no result.

    Attributes:
        kind: what happened; all but `rejected` may pass by waiting.
        advice: a sentence that says what to do.
        status: the HTTP status, None when there was no answer.
        retry_after: seconds that the API asked to wait, None when it did not say.
    """

    def __init__(
        self, kind: Kind, advice: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{_TITLES[kind]}: {advice}")
        self.kind: Kind = kind
        self.title = _TITLES[kind]
        self.advice = advice
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later without a change by the user."""
        return self.kind != "rejected"


@dataclass(frozen=True)
class Segmentation:
    """One model's answer for one photo.

    Attributes:
        classes_png: the class ids at the photo's own size, 8-bit grey PNG.
        class_shares: class name -> fraction of the photo, 0..1.
        timings_ms: stage -> milliseconds, with `total`.
    """

    model: str
    version: str
    sha256: str
    width: int
    height: int
    classes_png: bytes
    class_shares: Mapping[str, float]
    timings_ms: Mapping[str, float]

    @property
    def worked_ms(self) -> float:
        """Time of all stages; `total` also holds the waiting for the other models of the same call."""
        return sum(ms for stage, ms in self.timings_ms.items() if stage != "total")


@dataclass(frozen=True)
class Comparison:
    """`/compare`'s answer: each model's class map, how pairs agree, errors against a label where one was sent."""

    width: int
    height: int
    decode_ms: float
    segmentations: tuple[Segmentation, ...]
    pairs: tuple[Json, ...]
    disagreement_png: bytes | None
    label: Json | None


class ApiClient:
    """Calls the StreetSeg API at `base_url`; safe to share between threads."""

    def __init__(self, base_url: str, *, connect_s: float = CONNECT_SECONDS, read_s: float = READ_SECONDS) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = (connect_s, read_s)

    @classmethod
    def from_environment(cls) -> "ApiClient":
        """The client for STREETSEG_API_URL."""
        return cls(os.environ.get("STREETSEG_API_URL", DEFAULT_URL))

    def ready(self) -> list[str]:
        """Names of the models that can answer now.

        Raises:
            ApiError: `starting`, `mlflow` or `unserved` while it cannot predict, `down` when nothing listens.
        """
        names = self._json("GET", "/readyz", timeout=(CONNECT_SECONDS, 5.0)).get("models", [])
        return [str(name) for name in names]

    def models(self) -> Json:
        """`{"default", "models": [...]}`, as `/models` gives it."""
        return self._json("GET", "/models", need=("models",))

    def model(self, name: str) -> Json:
        """One model's entry with its `card` and `report`."""
        return self._json("GET", f"/models/{name}", need=("name",))

    def classes(self, model: str) -> Json:
        """The class set of a model: `{"id", "classes": [{"id", "name", "color"}], "ignore_index"}`."""
        return self._json("GET", "/classes", params={"model": model}, need=("classes",))

    def image(self, model: str, name: str) -> bytes:
        """A small JPEG of an image that a model was evaluated on; `rejected` where there is none."""
        content = self._request("GET", "/images", params={"model": model, "name": name}).content
        if not content.startswith(b"\xff\xd8"):
            raise ApiError("broken", "/images sent no JPEG; the dashboard and the API must be of the same release.")
        return content

    def runs(self, *, limit: int = 200) -> Json:
        """`{"mlflow_ui_url", "experiment_id", "runs": [...]}`."""
        return self._json("GET", "/runs", params={"limit": limit}, need=("runs",))

    def run(self, run_id: str) -> Json:
        """One run with its `history`."""
        return self._json("GET", f"/runs/{run_id}", need=("history",))

    def predict_png(
        self, photo: bytes, *, model: str, output: Literal["mask", "overlay", "classes"], opacity: float = 0.5
    ) -> bytes:
        """The API's own PNG at the photo's size, byte for byte."""
        params: dict[str, str | float] = {"model": model, "output": output, "format": "png"}
        if output == "overlay":
            params["opacity"] = opacity
        response = self._request("POST", "/predict", params=params, files={"image": ("photo", photo)})
        if not response.content.startswith(b"\x89PNG"):
            raise ApiError("broken", "/predict sent no PNG; check that STREETSEG_API_URL is a StreetSeg API.")
        return response.content

    def compare(
        self,
        photo: bytes,
        *,
        models: Sequence[str],
        label: bytes | None = None,
        label_taxonomy: str | None = None,
    ) -> Comparison:
        """Every named model's class map of one photo, which travels and is decoded once."""
        params = {"models": ",".join(models), "output": "classes"}
        files: dict[str, tuple[str, bytes]] = {"image": ("photo", photo)}
        if label is not None and label_taxonomy is not None:
            files["label"] = ("label.png", label)
            params["label_taxonomy"] = label_taxonomy
        answer = self._json("POST", "/compare", params=params, files=files, need=("models",))
        try:
            return _comparison(answer)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise ApiError(
                "broken",
                f"/compare lacks {error}; the dashboard and the API must be of the same release.",
            ) from error

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        timeout: tuple[float, float] | None = None,
        need: Sequence[str] = (),
    ) -> Json:
        response = self._request(method, path, params=params, files=files, timeout=timeout)
        advice = f"{path} sent no usable JSON; check that {self.base_url} is a StreetSeg API of the same release."
        try:
            answer = response.json()
        except ValueError as error:
            raise ApiError("broken", advice, status=response.status_code) from error
        if not isinstance(answer, dict) or any(key not in answer for key in need):
            raise ApiError("broken", advice, status=response.status_code)
        return answer

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        timeout: tuple[float, float] | None = None,
    ) -> requests.Response:
        url = self.base_url + path
        try:
            response = requests.request(method, url, params=params, files=files, timeout=timeout or self._timeout)
        except (requests.ConnectTimeout, requests.ConnectionError) as error:
            raise ApiError(
                "down",
                f"Nothing answers at {self.base_url}. Start it with `make demo`, or set STREETSEG_API_URL to where "
                "it runs. This page goes on by itself as soon as it answers.",
            ) from error
        except requests.Timeout as error:
            raise ApiError(
                "slow",
                f"{path} gave no answer within {self._timeout[1]:g} s. Fewer models or a smaller photo are faster.",
            ) from error
        except requests.RequestException as error:
            raise ApiError(
                "broken", f"{self.base_url} cannot be used as an address: {error}. Check STREETSEG_API_URL."
            ) from error
        if response.status_code >= 400:
            raise _error_of(response)
        return response


def _error_of(response: requests.Response) -> ApiError:
    """What an answer of 400 or more means; the API's own sentence stays, and what this page does is added."""
    status = response.status_code
    problem = _problem(response)
    detail = problem.get("detail", "")
    retry_after = _seconds(response.headers.get("Retry-After"))
    kind = _CAUSES.get(problem.get("type", "")) if status == 503 else None
    if status == 429 or (status == 503 and not problem):  # from a proxy before the API, which knows no cause
        kind = "overloaded"
    if kind is not None:
        reason = detail or "It has more requests to work on than it takes at once."
        wait = f" It asks to wait {retry_after:g} s." if retry_after and kind == "overloaded" else ""
        again = "tries again" if kind == "overloaded" else "goes on"
        advice = f"{reason.rstrip('.')}.{wait} This page {again} by itself."
        return ApiError(kind, advice, status=status, retry_after=retry_after)
    if status in (502, 504) and not problem:
        advice = f"A proxy answers {status} in its place. Start the API; this page goes on as soon as it answers."
        return ApiError("down", advice, status=status, retry_after=retry_after)
    if status >= 500:
        advice = detail or f"It answered {status} without a reason; its log says more."
        return ApiError("failed", advice, status=status, retry_after=retry_after)
    return ApiError("rejected", detail or f"It answered {status} without a reason.", status=status)


def _problem(response: requests.Response) -> dict[str, str]:
    """The texts of a problem+json body; empty for any other body."""
    try:
        body = response.json()
    except ValueError:
        return {}
    if not isinstance(body, dict) or not isinstance(body.get("detail"), str):
        return {}
    return {key: value for key, value in body.items() if isinstance(value, str)}


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # an HTTP date: the API sends seconds, a proxy between may not
        return None


def _comparison(answer: Json) -> Comparison:
    width, height = int(answer["width"]), int(answer["height"])
    segmentations = tuple(
        Segmentation(
            model=entry["model"],
            version=str(entry["version"]),
            sha256=entry["sha256"],
            width=width,
            height=height,
            classes_png=base64.b64decode(entry["image"]["base64"], validate=True),
            class_shares=entry["class_shares"],
            timings_ms=entry["timings_ms"],
        )
        for entry in answer["models"]
    )
    disagreement = answer.get("disagreement")
    return Comparison(
        width=width,
        height=height,
        decode_ms=float(answer.get("decode_ms") or 0.0),
        segmentations=segmentations,
        pairs=tuple(answer.get("pairs", ())),
        disagreement_png=base64.b64decode(disagreement["base64"]) if disagreement else None,
        label=answer.get("label"),
    )
