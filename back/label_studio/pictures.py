"""Pictures of Label Studio's tasks: the one place of the API that opens an address out of a request.

It opens addresses of one server alone, the one that STREETSEG_LABEL_STUDIO_URL names, there only the paths under
which Label Studio keeps pictures, and follows no redirect. Time and size are limited for all of it together.
"""

import asyncio
import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from back.problems import Problem
from back.settings import Settings, origin_of

_RETRY_S = 5
# Uploads and local files, cloud storage that Label Studio passes on, and the files of its own storage.
_PATHS = re.compile(r"/(data|storage-data)/.+|/(tasks|projects)/\d+/(resolve|presign)/?")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_MAX_ADDRESS = 4000


class Pictures:
    """Gets pictures from one Label Studio.

    Args:
        settings: with `label_studio_url`; `label_studio_token` is sent along, to that server alone.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.label_studio_url is not None
        self._server = settings.label_studio_url
        self._token = settings.label_studio_token.get_secret_value() if settings.label_studio_token else None
        self._max_bytes = settings.max_body_bytes
        self._seconds = settings.slow_seconds

    def address_of(self, place: object) -> str:
        """The address of a task's picture.

        Raises:
            Problem: 400, it is not one of Label Studio's pictures.
        """
        if not isinstance(place, str) or not place:
            raise Problem(400, "The task has no picture; its data must hold the address of one.")
        shown = repr(place[:80])
        if len(place) > _MAX_ADDRESS or _ODD.search(place):
            raise Problem(400, f"The picture's address {shown} holds characters that no address has, or too many.")
        try:
            parts = urlsplit(place)
            is_ours = origin_of(parts) == self._server if parts.scheme or parts.netloc else place.startswith("/")
        except ValueError:  # a port or a host that is none
            parts, is_ours = SplitResult("", "", "", "", ""), False
        if not is_ours or parts.username is not None or parts.password is not None:
            raise Problem(
                400,
                f"The picture {shown} is not one of {self._server}, the only server that pictures are read from; "
                "import it into Label Studio, or let STREETSEG_LABEL_STUDIO_URL name the server.",
            )
        path = unquote(parts.path)
        if not _PATHS.fullmatch(path) or _ODD.search(path) or any(piece in (".", "..") for piece in path.split("/")):
            raise Problem(
                400,
                f"The picture {shown} is not where Label Studio keeps pictures: under /data/, /storage-data/ or "
                "/tasks/…/resolve/.",
            )
        return f"{self._server}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    async def fetch(self, address: str) -> bytes:
        """The bytes of a picture, whatever they are.

        Args:
            address: from `address_of`.

        Raises:
            Problem: 400, Label Studio refuses, redirects or has no such picture; 413, it is too large; 503, Label
                Studio does not answer, or not in time.
        """
        import httpx

        try:
            # Without the environment's proxies and passwords: none of them was meant for this.
            async with (
                asyncio.timeout(self._seconds),
                httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._seconds) as client,
            ):
                headers = {"Accept-Encoding": "identity"} | await self._authorization(client)
                async with client.stream("GET", address, headers=headers) as response:
                    self._check(response.status_code)
                    return await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            slow = isinstance(error, (TimeoutError, httpx.TimeoutException))
            what = f"did not send the picture in {self._seconds:g} s" if slow else "does not answer"
            raise Problem(
                503, f"Label Studio at {self._server} {what}; try again in {_RETRY_S} s.",
                retry_after_s=_RETRY_S, cause="label-studio-away",
            ) from error  # fmt: skip

    async def _read(self, response: Any) -> bytes:
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > self._max_bytes:
                raise Problem(
                    413,
                    f"The picture is larger than the {self._max_bytes / 1e6:.4g} MB allowed; import a smaller one.",
                )
        return bytes(content)

    def _check(self, status: int) -> None:
        if status == 200:
            return
        if 300 <= status < 400:
            sentence = (
                "redirects to another address, which is not followed; where pictures lie in a cloud storage, let "
                "Label Studio pass them on ('Use pre-signed URLs' off)"
            )
        elif status in (401, 403):
            sentence = (
                f"refuses the picture ({status}); set STREETSEG_LABEL_STUDIO_TOKEN to a token of its Account page"
            )
        elif status == 404:
            sentence = "has no such picture; import it again"
        else:
            sentence = f"answers {status} when the picture is asked for; its log says why"
        raise Problem(400, f"Label Studio {sentence}.")

    async def _authorization(self, client: Any) -> dict[str, str]:
        """What Label Studio takes: a legacy token as it is, for a personal one an access token of five minutes."""
        if self._token is None:
            return {}
        if not _is_personal(self._token):
            return {"Authorization": f"Token {self._token}"}
        async with client.stream(
            "POST", f"{self._server}/api/token/refresh", json={"refresh": self._token}
        ) as response:
            self._check(response.status_code)
            try:
                return {"Authorization": f"Bearer {json.loads(await self._read(response))['access']}"}
            except (ValueError, KeyError, TypeError) as error:
                raise Problem(
                    400, "Label Studio gives no access token for STREETSEG_LABEL_STUDIO_TOKEN; make a new one."
                ) from error


def _is_personal(token: str) -> bool:
    """Whether a token is a JSON Web Token, which Label Studio calls a personal access token."""
    head, *rest = token.split(".")
    try:
        return len(rest) == 2 and "alg" in json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return False
