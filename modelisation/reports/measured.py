"""What each table says of its measurement: which machine, when, which code."""

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]


def on_machine(report: Report) -> str:
    """`AMD EPYC 7B13, 2 cores`, of a report with `machine`."""
    return f"{report['machine']['processor']}, {report['machine']['cores']} cores"


def with_code(state: Report) -> str:
    """`code 0123456789ab`, and whether it had local changes, of what `git_state` gave."""
    return f"code {state['git_commit'][:12]}{' with local changes' if state['git_dirty'] else ''}"


def on_day(report: Report) -> str:
    """`2026-11-29, code 0123456789ab`."""
    return f"{report['date']}, {with_code(report)}"


def versions(packages: Mapping[str, str]) -> str:
    """`torch 2.15.0, numpy 2.4.1`."""
    return ", ".join(f"{name} {version}" for name, version in packages.items())
