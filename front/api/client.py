"""The dashboard's one HTTP client: every byte that a page shows comes through here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal
from urllib.parse import quote

import requests

from front.api.comparison import Comparison, comparison_of
from front.api.errors import ApiError
from front.api.file_form import FileForm
from front.api.http import CONNECT_SECONDS, Http, Json

_OF_JOB = ("id", "state", "model", "files")

DEFAULT_URL = "http://127.0.0.1:8000"
READY_SECONDS = 5.0  # `/readyz` answers at once


@dataclass(frozen=True)
class SharedLabel:
    """A label file that is shared with its photo, and what its values are, `taxonomy`."""

    name: str
    data: bytes
    taxonomy: str


class ApiClient(Http):
    """Calls the StreetSeg API; see `Http`."""

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

    def evaluated_image(self, model: str, name: str) -> Json:
        """An image that a model was evaluated on, with `photo`, `truth` and `prediction` as base64; `rejected` where
        there is none.
        """
        return self._json(
            "GET",
            "/images/layers",
            params={"model": model, "name": name},
            need=("width", "height", "photo", "truth", "prediction", "error_share", "note"),
        )

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
        """One run with its `history`, and the epochs of its `panel`."""
        return self._json("GET", f"/runs/{run_id}", need=("history", "panel"))

    def panel(self, run_id: str, file: str) -> bytes:
        """Pictures of a run's validation split: `photos.jpg`, `truth.png` or that of an epoch."""
        content = self._request("GET", f"/runs/{run_id}/panel/{file}").content
        if not content.startswith((b"\xff\xd8", b"\x89PNG")):
            raise ApiError("broken", "The API sent no picture; the dashboard and it must be of the same release.")
        return content

    def predict_png(
        self,
        photo: bytes,
        *,
        model: str,
        output: Literal["mask", "overlay", "classes", "confidence", "cutout"],
        opacity: float = 0.5,
        class_name: str | None = None,
    ) -> bytes:
        """The API's own PNG at the photo's size, byte for byte; `class_name` is of a cut-out."""
        params: dict[str, str | float] = {"model": model, "output": output, "format": "png"}
        if output == "overlay":
            params["opacity"] = opacity
        if class_name is not None:
            params["class"] = class_name
        files = {"image": ("photo", photo)}
        response = self._request("POST", "/predict", params=params, files=files, missing="gone")
        if not response.content.startswith(b"\x89PNG"):
            raise ApiError("broken", "/predict sent no PNG; check that STREETSEG_API_URL is a StreetSeg API.")
        return response.content

    def predict_file(
        self, photo: bytes, name: str, *, model: str, form: Literal["coco", "polygons", "geojson"]
    ) -> bytes:
        """The classes as a file for labelling tools, which names the photo so."""
        params = {"model": model, "format": form}
        response = self._request("POST", "/predict", params=params, files={"image": (name, photo)}, missing="gone")
        if not response.content.startswith(b"{"):
            raise ApiError("broken", "/predict sent no JSON; the dashboard and the API must be of the same release.")
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
        return _comparison(
            self._json("POST", "/compare", params=params, files=files, need=("models",), missing="gone")
        )

    def share(self, photo: bytes, name: str, models: Sequence[str], label: SharedLabel | None = None) -> Json:
        """Have the API keep a photo, its label file and what these models say of it: `id`, `kept_until`, …."""
        params = {"models": ",".join(models)}
        files = {"image": (name, photo)}
        if label is not None:
            params["label_taxonomy"] = label.taxonomy
            files["label"] = (label.name, label.data)
        return self._json(
            "POST", "/shared", params=params, files=files, need=("id", "created", "kept_until", "delete_token")
        )

    def shared(self, name: str) -> Json:
        """A shared photo's `name`, `created` and `kept_until`; `rejected` with status 404 where there is none."""
        return self._json("GET", _shared(name), need=("id", "name", "created", "kept_until", "label"))

    def shared_photo(self, name: str) -> bytes:
        """The file of a shared photo."""
        return self._request("GET", f"{_shared(name)}/photo").content

    def shared_label(self, name: str) -> bytes:
        """The label file that came with a shared photo."""
        return self._request("GET", f"{_shared(name)}/label").content

    def shared_comparison(self, name: str) -> Comparison:
        """What the models said of a photo when it was shared."""
        return _comparison(self._json("GET", f"{_shared(name)}/comparison", need=("models",)))

    def delete_shared(self, name: str, token: str) -> None:
        """Delete a shared photo that this dashboard made; nothing happens where it is gone already."""
        try:
            self._request("DELETE", _shared(name), headers={"X-Delete-Token": token})
        except ApiError as error:
            if error.status != 404:
                raise

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


def _shared(name: str) -> str:
    return f"/shared/{quote(name, safe='')}"


def _comparison(answer: Json) -> Comparison:
    try:
        return comparison_of(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(
            "broken", f"/compare lacks {error}; the dashboard and the API must be of the same release."
        ) from error
