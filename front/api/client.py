"""The dashboard's one HTTP client: every byte that a page shows comes through here.

Each failure becomes an `ApiError` whose `kind` says whether waiting helps and whose text is ready to be shown.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Literal
from urllib.parse import quote

import requests

from front.api.comparison import Comparison, comparison_of
from front.api.errors import ApiError, Kind, error_of
from front.api.file_form import FileForm
from front.api.foreign import without_pictures

Json = dict[str, Any]
_OF_JOB = ("id", "state", "model", "files")

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_SECONDS = 3.0
READ_SECONDS = 120.0
READY_SECONDS = 5.0  # `/readyz` answers at once
_FASTER = "Fewer models or a smaller photo are faster."
_FROZEN = "It listens, but does not answer: see its log, or start it anew. This page goes on by itself."


class ApiClient:
    """Calls the StreetSeg API at `base_url`; safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        connect_s: float = CONNECT_SECONDS,
        read_s: float = READ_SECONDS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = {"X-API-Key": key} if key else {}
        self._timeout = (connect_s, read_s)

    @classmethod
    def from_environment(cls) -> "ApiClient":
        """The client for STREETSEG_API_URL, with the key STREETSEG_API_KEY where there is one."""
        key = os.environ.get("STREETSEG_API_KEY", "").strip()
        return cls(os.environ.get("STREETSEG_API_URL", DEFAULT_URL), key=key or None)

    def ready(self) -> list[str]:
        """Names of the models that can answer now.

        Raises:
            ApiError: `starting`, `mlflow` or `unserved` while it cannot predict, `down` when nothing listens.
        """
        names = self._json("GET", "/readyz", timeout=(CONNECT_SECONDS, READY_SECONDS)).get("models", [])
        return [str(name) for name in names]

    def models(self) -> Json:
        """`{"default", "models": [...]}`, as `/models` gives it."""
        return self._json("GET", "/models", need=("models",))

    def model(self, name: str) -> Json:
        """One model's entry with its `card` and `report`."""
        return self._json("GET", f"/models/{name}", need=("name",), missing="gone")

    def classes(self, model: str) -> Json:
        """The class set of a model: `{"id", "classes": [{"id", "name", "color"}], "ignore_index"}`."""
        return self._json("GET", "/classes", params={"model": model}, need=("classes",), missing="gone")

    def differences(self, a: str, b: str) -> Json:
        """b − a in IoU, mean and by class, with intervals: `/differences` as the API gives it; fractions.

        Raises:
            ApiError: `rejected` with status 409 when the two cannot be compared; `gone` when one is not served.
        """
        return self._json(
            "GET",
            "/differences",
            params={"a": a, "b": b},
            need=("mean", "classes", "level", "images"),
            missing="gone",
        )

    def image(self, model: str, name: str) -> bytes:
        """A small JPEG of an image that a model was evaluated on; `rejected` where there is none."""
        content = self._request("GET", "/images", params={"model": model, "name": name}).content
        if not content.startswith(b"\xff\xd8"):
            raise ApiError("broken", "/images sent no JPEG; the dashboard and the API must be of the same release.")
        return content

    def upright(self, photo: bytes) -> bytes:
        """A JPEG of the photo in its own size, upright: of formats that the dashboard does not read itself."""
        content = self._request("POST", "/upright", files={"image": ("photo", photo)}).content
        if not content.startswith(b"\xff\xd8"):
            raise ApiError("broken", "/upright sent no JPEG; the dashboard and the API must be of the same release.")
        return content

    def runs(self, *, limit: int = 200) -> Json:
        """`{"mlflow_ui_url", "experiment_id", "runs": [...]}`."""
        return self._json("GET", "/runs", params={"limit": limit}, need=("runs",))

    def run(self, run_id: str) -> Json:
        """One run with its `history`."""
        return self._json("GET", f"/runs/{run_id}", need=("history",))

    def predict_png(
        self,
        photo: bytes,
        *,
        model: str,
        output: Literal["mask", "overlay", "classes", "confidence"],
        opacity: float = 0.5,
    ) -> bytes:
        """The API's own PNG at the photo's size, byte for byte."""
        params: dict[str, str | float] = {"model": model, "output": output, "format": "png"}
        if output == "overlay":
            params["opacity"] = opacity
        files = {"image": ("photo", photo)}
        response = self._request("POST", "/predict", params=params, files=files, missing="gone")
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
        answer = self._json("POST", "/compare", params=params, files=files, need=("models",), missing="gone")
        try:
            return comparison_of(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError(
                "broken",
                f"/compare lacks {error}; the dashboard and the API must be of the same release.",
            ) from error

    def label_values(self, label: bytes) -> dict[str, tuple[int, ...]]:
        """The values in a label file, by what it may be (a `label_taxonomy`); without those that it cannot be.

        Raises:
            ApiError: `rejected` where it is no label file.
        """
        values = self._json("POST", "/labels", files={"label": ("label.png", label)}, need=("values",))["values"]
        return {kind: tuple(found) for kind, found in values.items() if found is not None}

    def start_clip(
        self,
        clip: BinaryIO,
        *,
        model: str,
        every: int,
        smooth: bool,
        opacity: float,
        classes: Literal["zip", "video", "none"],
    ) -> Json:
        """Send a clip to be labelled; the new job as `job` gives it. Reads the file in pieces, from its beginning."""
        params = {"model": model, "every": every, "smooth": smooth, "opacity": opacity, "classes": classes}
        return self._json("POST", "/videos", params=params, body=FileForm("clip", "clip", clip), need=_OF_JOB)

    def folders(self) -> list[str]:
        """Data sets beside the API that can be evaluated."""
        folders: list[str] = self._json("GET", "/folders", need=("folders",))["folders"]
        return folders

    def hold_evaluation(
        self, photos: BinaryIO | None, *, folder: str | None, model: str, split: str | None = None
    ) -> Json:
        """Send a zip of photos and labels, or name a folder, to be looked at; the new job, which waits to begin."""
        params = {"model": model, "hold": True, "folder": folder, "split": split}
        body = None if photos is None else FileForm("files", "photos.zip", photos)
        return self._json("POST", "/evaluations", params=params, body=body, need=(*_OF_JOB, "evaluation"))

    def begin_evaluation(self, name: str, **wishes: str | None) -> Json:
        """Score what was sent: `model`, `other`, `label_kind`, `split` and `clips` as the API takes them."""
        path = f"/evaluations/{quote(name, safe='')}"
        return self._json("POST", path, params=wishes, need=(*_OF_JOB, "evaluation"), missing="gone")

    def job(self, name: str) -> Json:
        """How far a job is, as `/jobs/{id}` gives it; `rejected` with status 404 where there is none of that name."""
        return self._json("GET", f"/jobs/{quote(name, safe='')}", need=_OF_JOB)

    def delete_job(self, name: str) -> None:
        """Cancel a job and delete what it made; nothing happens where it is gone already."""
        try:
            self._request("DELETE", f"/jobs/{quote(name, safe='')}")
        except ApiError as error:
            if error.status != 404:
                raise

    def job_file(self, path: str, *, most_bytes: int) -> bytes:
        """A file that a job's `files` names, whole.

        Raises:
            ApiError: `rejected` where it is larger than `most_bytes`; then nothing of it is read.
        """
        response = self._request("GET", path, stream=True)
        with response:
            size = int(response.headers.get("Content-Length", 0))
            if size > most_bytes:
                raise ApiError(
                    "rejected",
                    f"It has {size / 1e6:.0f} MB, more than the {most_bytes / 1e6:.0f} MB that the dashboard passes "
                    f"on; fetch it from the API with curl -O {self.base_url}{path}",
                )
            try:
                return response.content
            except requests.RequestException as error:
                raise ApiError("down", f"{path} was cut off on its way.") from error

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        body: FileForm | None = None,
        timeout: tuple[float, float] | None = None,
        need: Sequence[str] = (),
        missing: Kind = "rejected",
    ) -> Json:
        response = self._request(
            method, path, params=params, files=files, body=body, timeout=timeout, missing=missing
        )
        advice = f"{path} sent no usable JSON; check that {self.base_url} is a StreetSeg API of the same release."
        try:
            answer = without_pictures(response.json())
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
        body: FileForm | None = None,
        timeout: tuple[float, float] | None = None,
        missing: Kind = "rejected",
        stream: bool = False,
    ) -> requests.Response:
        url = self.base_url + path
        headers = self._headers | ({"Content-Type": body.content_type} if body else {})
        timeout = timeout or self._timeout
        try:
            response = requests.request(
                method, url, params=params, files=files, data=body, headers=headers, timeout=timeout, stream=stream
            )
        except (requests.ConnectTimeout, requests.ConnectionError) as error:
            raise ApiError(
                "down",
                f"Nothing answers at {self.base_url}. Start it with `make demo`, or set STREETSEG_API_URL to where "
                "it runs. This page goes on by itself as soon as it answers.",
            ) from error
        except requests.Timeout as error:
            raise ApiError(
                "slow",
                f"{path} gave no answer within {timeout[1]:g} s. {_FASTER if files else _FROZEN}",
            ) from error
        except requests.RequestException as error:
            raise ApiError(
                "broken", f"{self.base_url} cannot be used as an address: {error}. Check STREETSEG_API_URL."
            ) from error
        if response.status_code >= 400:
            raise error_of(response.status_code, response.headers, response.text, missing=missing)
        return response
