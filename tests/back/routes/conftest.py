"""What tests of several routes share."""

import importlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from back.runtime.process.bounded import UnfinishedError
from tests.clips import work_by


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A job's work waits until it is ended, the look at what was sent does not; the list tells of what it began."""
    begun: list[str] = []

    def hold(module: str, request: dict[str, Any], *, watch: Callable[[], None] = lambda: None,
             stop: Any, **limits: Any) -> dict[str, Any]:  # fmt: skip
        if request["action"] not in ("label", "evaluate"):
            looked: dict[str, Any] = importlib.import_module(module).work(request)
            return looked
        begun.append(request.get("clip") or request["folder"])
        while not stop.is_set():
            watch()
            time.sleep(0.02)
        raise UnfinishedError("the service is being stopped")

    work_by(monkeypatch, hold)
    return begun
