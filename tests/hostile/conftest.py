"""Fixtures of the API's tests, and the figures of the hostile ones at the end of a run."""

import resource

import pytest

from tests.api import api, empty_database, shared_store, store, trusted
from tests.hostile import figures

__all__ = ["api", "empty_database", "shared_store", "store", "trusted"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = figures.lines()
    if lines:
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        lines.append(f"the tests' own process, with the APIs in it: peak {peak_mb:,.0f} MB")
        terminalreporter.section("figures of the hostile tests")
        for line in lines:
            terminalreporter.write_line(line)
