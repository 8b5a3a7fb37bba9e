"""Fixtures of the API's tests."""

from tests.api import api, empty_database, shared_store, store, trusted

__all__ = ["api", "empty_database", "shared_store", "store", "trusted"]
