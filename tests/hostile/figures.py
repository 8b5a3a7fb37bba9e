"""What the hostile tests measured: a line for each kind of attack, printed when the run ends (`make hostile`)."""

import os
from pathlib import Path

LONG = "HOSTILE_SECONDS" in os.environ  # as `make hostile` runs them: more inputs, more clients, for longer
_figures: dict[str, dict[str, float]] = {}


def figure(
    name: str, *, tried: int, refused: int, worst_s: float, worst_mb: float, errors_5xx: int = 0, **more: float
) -> None:
    """Tell what a test measured; several calls of one name become one line.

    Args:
        name: the attack, in a few words, as the line begins.
        tried: inputs, requests or starts.
        refused: how many of them were answered with a refusal: 4xx, 503, or a sentence.
        worst_s: the longest that one took, in seconds.
        worst_mb: the most memory that the service, or the process it runs in, held, in MB.
        errors_5xx: answers of 500, 502 and 504.
        more: what else there is to say. What begins with `worst` is the largest of all calls, everything else their
            sum. An ending of `_s`, `_ms`, `_mb` or `_percent` is a unit.
    """
    numbers = {"tried": tried, "refused": refused, "5xx": errors_5xx, "worst_s": worst_s, "worst_mb": worst_mb}
    told = _figures.setdefault(name, {})
    for key, value in {**numbers, **more}.items():
        if key not in told:
            told[key] = value
        else:
            told[key] = max(told[key], value) if key.startswith("worst") else told[key] + value


def answered(name: str, status: int, seconds: float) -> None:
    """Tell of one request to an API in this process: whether it was refused, or failed, and how long it took."""
    failed = int(status >= 500 and status != 503)
    refused = int(400 <= status < 500 or status == 503)
    figure(name, tried=1, refused=refused, errors_5xx=failed, worst_s=seconds, worst_mb=rss_mb())


def rss_mb() -> float:
    """What this process holds in memory now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def lines() -> list[str]:
    """One line for each name, in the order in which they came."""
    width = max(map(len, _figures), default=0)
    return [
        f"{name:<{width}}  " + ", ".join(_shown(key, value) for key, value in numbers.items())
        for name, numbers in _figures.items()
    ]


def _shown(key: str, value: float) -> str:
    words, _, unit = key.rpartition("_")
    number = f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if words and unit in ("s", "ms", "mb", "percent"):
        return f"{words.replace('_', ' ')} {number} {'MB' if unit == 'mb' else '%' if unit == 'percent' else unit}"
    return f"{key.replace('_', ' ')} {number}"
