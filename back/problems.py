"""Errors as problem details (RFC 9457, application/problem+json), each with a sentence that says what to do."""

import errno
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

MEDIA_TYPE = "application/problem+json"
# One status has several causes, and a client that waits must know for what: `type` is urn:streetseg:<cause>.
Cause = Literal["overloaded", "loading", "mlflow-away", "no-model", "label-studio-away"]
# Why the system refuses what a request needs: errno -> what there is none of.
_SHORTAGES = {
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk space",
    errno.EMFILE: "free file descriptor",
    errno.ENFILE: "free file descriptor",
    errno.ENOMEM: "memory",
}
# The form field of a path's file, and how such a file may be called.
_PHOTO = ("image", "photo.jpg")
_FILES = {"/videos": ("clip", "clip.mp4"), "/evaluations": ("files", "photos.zip")}
# Paths that take JSON, where all others that take something take a form.
JSON_PATHS = "/labelstudio/"
log = logging.getLogger("streetseg")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(
        default="about:blank",
        description="about:blank: the status code says which kind it is; with 503 urn:streetseg:overloaded, loading, "
        "mlflow-away, no-model or label-studio-away",
        examples=["about:blank", "urn:streetseg:overloaded"],
    )
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="what was wrong and what to do, in a sentence",
        examples=["There is no model 'unet'. Known models: deeplabv3plus, segformer."],
    )
    instance: str = Field(description="the path that was asked for", examples=["/predict"])


class Problem(HTTPException):
    """Ends a request with a problem; `detail` is the sentence for the person who sent it, `cause` for programs."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after_s: int | None = None,
        cause: Cause | None = None,
        closes: bool = False,
    ) -> None:
        self.cause = cause
        headers = {}
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        if closes:  # what else comes over this connection is not read
            headers["Connection"] = "close"
        super().__init__(status_code=status, detail=detail, headers=headers or None)


def problem_response(
    path: str,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    cause: Cause | None = None,
) -> JSONResponse:
    """The response for a problem on `path`."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Client Closed Request" if status == 499 else "Error"
    body = ProblemDetails(title=title, status=status, detail=detail, instance=path[:200])
    if cause is not None:
        body.type = f"urn:streetseg:{cause}"
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its OpenAPI description."""
    what = {
        400: "the image, the clip or the form is corrupt",
        401: "a key is missing or not known",
        403: "only who made it may do this",
        404: "no such model, class, run, job, shared photo or path; the known models and paths are listed",
        408: "the request came too slowly",
        409: "what is asked for does not go with what there is; detail says why",
        413: "the body, the image or the clip is too large",
        415: "not multipart/form-data, or not a JPEG, PNG, WEBP, HEIC or AVIF; a clip: not an MP4, MOV, WEBM or MKV",
        422: "a field or query parameter is missing, unknown or out of range",
        429: "too many requests; try again after Retry-After seconds",
        503: "overloaded or not ready; try again after Retry-After seconds",
    }
    retry = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return {
        status: {
            "description": what[status],
            "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}},
            **({"headers": retry} if status in (429, 503) else {}),
        }
        for status in statuses
    }


def install_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem, those of the framework included."""
    app.add_exception_handler(StarletteHTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    for kind in (MemoryError, OSError):
        app.add_exception_handler(kind, _on_shortage)
    app.add_exception_handler(Exception, _on_crash)


async def _on_shortage(request: Request, error: Exception) -> JSONResponse:
    """What one request lacked the next may find; anything else that the system refuses is a bug."""
    if isinstance(error, OSError) and error.errno not in _SHORTAGES:
        raise error
    what = "memory" if isinstance(error, MemoryError) else _SHORTAGES[error.errno]  # type: ignore[attr-defined]
    log.error("%s %s failed: no %s is left", request.method, request.url.path, what)
    detail = f"The server had no {what} left for this request; try again in 5 s, or send a smaller photo."
    return problem_response(request.url.path, 503, detail, {"Retry-After": "5"}, "overloaded")


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    if isinstance(error.__cause__, (MemoryError, OSError)) and not isinstance(
        error, Problem
    ):  # while a form was read
        return await _on_shortage(request, error.__cause__)
    path, status, detail = request.url.path, error.status_code, str(error.detail)
    if not isinstance(error, Problem):  # raised by the framework, in its own few words
        if status == 404:
            detail = f"There is no {path}; /docs lists what there is."
        elif status == 405:
            allowed = _methods_of(request) or (error.headers or {}).get("Allow", "another method")
            detail = f"{request.method} is not allowed on {path}; use {allowed}."
            return problem_response(path, status, detail, {"Allow": allowed})
        elif status == 400:
            detail = f"The form cannot be read ({detail.rstrip('.')}); send multipart/form-data, curl -F does."
    return problem_response(path, status, detail, error.headers, getattr(error, "cause", None))


def _methods_of(request: Request) -> str:
    """The methods of every route at a path; the framework names those of the first one alone."""
    document = request.app.openapi()
    found = set()
    for pattern, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), request.url.path):
            found |= {method.upper() for method in operations}
    return ", ".join(sorted(found, reverse=True))


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    if request.url.path.startswith(JSON_PATHS):
        return problem_response(
            request.url.path, 422, " ".join(_sentence(item, "field") for item in error.errors()[:4])
        )
    if not is_form and any(item["loc"][0] == "body" for item in error.errors()):
        field, what = _FILES.get(request.url.path, _PHOTO)
        kind = "clip" if field == "clip" else "photo"
        detail = f"Send the {kind} as multipart/form-data, field '{field}'; with curl: -F {field}=@{what}."
        return problem_response(request.url.path, 415, detail)
    sentences = [_sentence(item) for item in error.errors()[:4]]
    return problem_response(request.url.path, 422, " ".join(sentences))


def _sentence(item: Mapping[str, Any], kind: Literal["form field", "field"] = "form field") -> str:
    """One validation error of pydantic's, for people; `kind`: what the body is made of."""
    place, *rest = item["loc"]
    field = ".".join(str(part) for part in rest) or str(place)
    where = f"{kind} '{field}'" if place == "body" else f"{place} parameter '{field}'"
    if item["type"] == "missing":
        file = dict((_PHOTO, *_FILES.values())).get(field)
        hint = f"; with curl: -F {field}=@{file}" if file else ""
        return f"The {where} is missing{hint}."
    if item["type"] == "extra_forbidden":
        return f"The {where} is unknown; /docs lists those there are."
    if place == "body" and kind == "form field" and not isinstance(item["input"], (int, float)):
        return f"The {where} must be a file; with curl put an @ before its path: -F {field}=@photo.jpg."
    value = str(item["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"The {where} is {shown!r}: {item['msg'][0].lower()}{item['msg'][1:]}."


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    return crash_response(request.method, request.url.path, error)


def crash_response(method: str, path: str, error: Exception) -> JSONResponse:
    """The answer where something failed that should not: it says nothing of what that was.

    The trace goes to the log (the server writes it when the error is raised again), not to the caller.
    """
    log.error("%s %s failed: %s", method, path, type(error).__name__)
    detail = "The server failed on this request; its log says why. Other requests are not affected."
    return problem_response(path, 500, detail)
