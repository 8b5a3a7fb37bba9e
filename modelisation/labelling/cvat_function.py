"""A CVAT auto-annotation function: CVAT's pictures go to the API, its labels come back as masks or polygons.

    cvat-cli --server-host http://127.0.0.1:8080 task auto-annotate TASK --allow-unmatched-labels \\
      --function-file modelisation/labelling/cvat_function.py -p url=str:http://127.0.0.1:8000 -p model=str:segformer

It runs where cvat-cli runs, with `pip install 'cvat-cli' 'cvat-sdk[masks]' requests` (and contourpy for polygons): no
torch, no MLflow. A key is read from STREETSEG_API_KEY, since a command line is seen by everyone on the machine.
"""

import io
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import requests
from PIL import Image
from urllib3.exceptions import HTTPError

_TIMEOUT_S = 120
_TRIES = 6
_LONGEST_WAIT_S = 30.0


class ApiError(HTTPError):
    """Why a picture cannot be labelled: a sentence. cvat-cli prints errors of this base without a trace."""


class StreetSegFunction:
    """What `cvat_sdk.auto_annotation` calls a detection function.

    Args:
        url: of the API.
        model: name, name@alias or name/version; default: the API's default model.

    Raises:
        ApiError: the API does not answer, or has no such model.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", model: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        if key := os.environ.get("STREETSEG_API_KEY"):
            self._session.headers["X-API-Key"] = key
        entry = self._ask("GET", f"/models/{quote(model or self._default(), safe='@/')}").json()
        if not entry.get("card"):
            raise ApiError(f"{self._url} does not serve {entry['name']}: {entry.get('error')}")
        self._query = {"model": f"{entry['name']}/{entry['version']}"}  # one version for the whole task
        self._names = {one["id"]: one["name"] for one in entry["card"]["taxonomy"]["classes"]}

    @property
    def spec(self) -> Any:
        """The model's classes, as labels of masks: cvat_sdk.auto_annotation.DetectionFunctionSpec."""
        import cvat_sdk.auto_annotation as cvataa

        return cvataa.DetectionFunctionSpec(
            labels=[cvataa.label_spec(name, class_id, type="mask") for class_id, name in self._names.items()]
        )

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """The labels of one picture: a mask a class, or polygons where `context.conv_mask_to_poly` asks for them.

        Raises:
            ApiError: the API refuses the picture, or does not answer.
        """
        import cvat_sdk.auto_annotation as cvataa
        from cvat_sdk.masks import encode_mask

        labels_HW = self._labels(image, getattr(context, "frame_name", "the picture"))
        if context.conv_mask_to_poly:
            return [cvataa.polygon(class_id, points) for class_id, points in polygons_of(labels_HW)]
        shapes = []
        for class_id in np.unique(labels_HW).tolist():
            mask_HW = labels_HW == class_id
            rows, columns = np.flatnonzero(mask_HW.any(1)), np.flatnonzero(mask_HW.any(0))
            box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
            shapes.append(cvataa.mask(class_id, encode_mask(mask_HW, box)))
        return shapes

    def _labels(self, image: Image.Image, name: str) -> Any:
        png = io.BytesIO()
        image.convert("RGB").save(png, "PNG", compress_level=1)
        answer = self._ask(
            "POST", "/predict", about=f"{name}: ", params=self._query | {"output": "classes"},
            files={"image": ("picture.png", png.getvalue())},
        )  # fmt: skip
        labels_HW = np.asarray(Image.open(io.BytesIO(answer.content)))
        if labels_HW.shape != (image.height, image.width):
            raise ApiError(f"{name}: {self._url} answered with a mask of another size; is it a StreetSeg API?")
        return labels_HW

    def _default(self) -> str:
        found = self._ask("GET", "/models").json()["default"]
        if found is None:
            raise ApiError(
                f"{self._url} serves no model yet; name one with -p model=str:NAME, or wait until it does."
            )
        return str(found)

    def _ask(self, method: str, path: str, about: str = "", **parts: Any) -> requests.Response:
        """Ask the API, again where it says when."""
        for attempt in range(_TRIES):
            try:
                answer = self._session.request(method, f"{self._url}{path}", timeout=_TIMEOUT_S, **parts)
            except requests.RequestException as error:
                raise ApiError(
                    f"{about}{self._url} does not answer ({type(error).__name__}); start it with `python -m back`, "
                    "or name another with -p url=str:http://HOST:PORT."
                ) from error
            wait = answer.headers.get("Retry-After", "")
            if answer.status_code not in (429, 503) or not wait.isdecimal() or attempt == _TRIES - 1:
                break
            time.sleep(min(float(wait), _LONGEST_WAIT_S))
        if answer.ok:
            return answer
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"{self._url}{path} answered {answer.status_code}; is it a StreetSeg API?"
        raise ApiError(f"{about}{detail}")


def polygons_of(labels_HW: Any) -> list[tuple[int, list[float]]]:
    """Class id and points [x, y, x, y, …] of the regions, the largest first.

    Raises:
        ApiError: contourpy is not installed.
    """
    root = str(Path(__file__).resolve().parents[2])
    if root not in sys.path:  # cvat-cli loads this file by its path, from anywhere
        sys.path.append(root)
    from back.runtime.masks.outlines import editable_outlines

    try:
        return [(class_id, ring.ravel().tolist()) for class_id, ring in editable_outlines(labels_HW)]
    except ImportError as error:
        raise ApiError("Polygons need contourpy; install it with `pip install contourpy`.") from error


create = StreetSegFunction
