"""Fixtures of the API's tests."""

from tests.api import api, empty_database, shared_store, store

__all__ = ["api", "empty_database", "shared_store", "store"]
