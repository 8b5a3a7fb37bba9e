"""Requests to the API, and what becomes of their answers.

Each failure becomes an `ApiError` whose `kind` says whether waiting helps and whose text is ready to be shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from front.api.errors import ApiError, Kind, error_of
from front.api.file_form import FileForm
from front.api.foreign import without_pictures

Json = dict[str, Any]

CONNECT_SECONDS = 3.0
READ_SECONDS = 120.0
_FASTER = "Fewer models or a smaller photo are faster."
_FROZEN = "It listens, but does not answer: see its log, or start it anew. This page goes on by itself."


class Http:
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
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = self.base_url + path
        sent = self._headers | dict(headers or {}) | ({"Content-Type": body.content_type} if body else {})
        timeout = timeout or self._timeout
        try:
            response = requests.request(
                method, url, params=params, files=files, data=body, headers=sent, timeout=timeout, stream=stream
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
