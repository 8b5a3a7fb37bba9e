"""Versions that requests ask for as name@alias or name/3, beside those that names mean: few of them stay loaded."""

import threading
from collections import OrderedDict
from typing import TypeVar

from back.catalogue import ModelVersion
from back.loading import Fetch, LoadError, ModelLoader, Served
from back.problems import Problem
from back.runtime.card import Card

T = TypeVar("T")
MAX_LOADED = 2
MAX_CARDS = 64  # of versions that are not loaded, a hundred kilobytes each


class Pinned:
    """What was asked for last. May be used by several threads; `load` and `read_card` by one at a time."""

    def __init__(self, loader: ModelLoader, fetch: Fetch) -> None:
        self._loader = loader
        self._fetch = fetch
        self._lock = threading.Lock()
        self._loaded: OrderedDict[ModelVersion, Served] = OrderedDict()
        self._cards: OrderedDict[ModelVersion, Card] = OrderedDict()

    def get(self, version: ModelVersion) -> Served | None:
        """A version that is loaded."""
        return self._loaded.get(version)

    def card(self, version: ModelVersion) -> Card | None:
        """The card of a version that is loaded, or whose card was read lately."""
        served = self._loaded.get(version)
        return self._cards.get(version) if served is None else served.predictor.card

    def load(self, version: ModelVersion) -> Served:
        """Load a version, and let go the one that was asked for longest ago. Blocks.

        Raises:
            Problem: 503, it cannot be loaded.
        """
        try:
            served = self._loaded.get(version) or self._loader.load(self._fetch, version)
        except LoadError as error:
            raise _problem(error) from error
        self._keep(self._loaded, version, served, MAX_LOADED)
        return served

    def read_card(self, version: ModelVersion) -> Card:
        """The verified card of a version, whose network is not loaded for it. Blocks.

        Raises:
            Problem: 503, it cannot be had.
        """
        try:
            card = self._loader.read_card(self._fetch, version)
        except LoadError as error:
            raise _problem(error) from error
        self._keep(self._cards, version, card, MAX_CARDS)
        return card

    def forget(self, known: set[ModelVersion]) -> None:
        """Let go versions that no longer exist."""
        with self._lock:
            for kept in (self._loaded, self._cards):
                for version in [version for version in kept if version not in known]:
                    del kept[version]  # type: ignore[attr-defined]

    def _keep(self, kept: OrderedDict[ModelVersion, T], version: ModelVersion, value: T, most: int) -> None:
        with self._lock:
            kept[version] = value
            kept.move_to_end(version)
            while len(kept) > most:
                kept.popitem(last=False)


def _problem(error: LoadError) -> Problem:
    return Problem(503, str(error), retry_after_s=30, cause="no-model")
