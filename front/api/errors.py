"""What a call to the API that brought no result means, and what to do: one kind and one sentence for each."""

import json
from collections.abc import Mapping
from typing import Literal

from front.api.foreign import without_pictures

Kind = Literal[
    "down", "starting", "unserved", "mlflow", "overloaded", "slow", "failed", "broken", "locked", "gone", "rejected"
]

_TITLES: Mapping[Kind, str] = {
    "down": "The API does not answer",
    "starting": "The API is getting ready",
    "unserved": "The API has no model to answer with",
    "mlflow": "The API cannot read from MLflow",
    "overloaded": "The API is busy",
    "slow": "The API takes too long",
    "failed": "The API met an error",
    "broken": "The answer is not what this dashboard expects",
    "locked": "The API asks for a key",
    "gone": "This model is no longer available",
    "rejected": "The API did not accept this",
}

# What the API waits for: the `type` of its 503 answers.
_CAUSES: Mapping[str, Kind] = {
    "urn:streetseg:overloaded": "overloaded",
    "urn:streetseg:loading": "starting",
    "urn:streetseg:mlflow-away": "mlflow",
    "urn:streetseg:no-model": "unserved",
}

# The API's answers to a photo that is damaged, too large or of a kind it does not read.
_OF_PHOTO = (400, 413, 415)


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

    @property
    def advice_for_a_press(self) -> str:
        """The advice where nothing tries again by itself, as pages do, but a person with a button."""
        advice = self.advice.partition(" This page ")[0]
        return f"{advice} Press the button again in a moment." if self.passing else advice

    @property
    def of_photo(self) -> bool:
        """Whether the file that was sent is refused, whatever models are asked."""
        return self.kind == "rejected" and self.status in _OF_PHOTO


def error_of(status: int, headers: Mapping[str, str], body: str, *, missing: Kind = "rejected") -> ApiError:
    """What an answer of 400 or more means; the API's own sentence stays, and what this page does is added.

    Args:
        missing: what 404 means for what was asked.
    """
    problem = _problem(body)
    detail = problem.get("detail", "")
    retry_after = _seconds(headers.get("Retry-After"))
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
    advice = detail or f"It answered {status} without a reason."
    if status == 401:
        advice = "Set STREETSEG_API_KEY to one of its keys for the dashboard, and start the dashboard anew."
        return ApiError("locked", advice, status=status)
    if status == 404 and missing == "gone":
        return ApiError("gone", f"{advice} This page goes on without it by itself.", status=status)
    return ApiError("rejected", advice, status=status)


def _problem(body: str) -> dict[str, str]:
    """The texts of a problem+json body; empty for any other body."""
    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(problem, dict) or not isinstance(problem.get("detail"), str):
        return {}
    return {key: without_pictures(value) for key, value in problem.items() if isinstance(value, str)}


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # an HTTP date: the API sends seconds, a proxy between may not
        return None
