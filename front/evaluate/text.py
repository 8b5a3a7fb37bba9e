"""What is said of scores, in a few words; fractions come in, per cent and points go out."""

from front.api.client import Json
from front.ui.names import as_text


def percent(value: float | None) -> str:
    """`71.3 %`; a dash where there is none."""
    return "—" if value is None else f"{100 * value:.1f} %"


def interval_text(score: Json | None, level: float) -> str | None:
    """`66.0 to 74.2 % (95 %)`; None where there is no interval."""
    if not score or score["low"] is None or score["high"] is None:
        return None
    return f"{100 * score['low']:.1f} to {100 * score['high']:.1f} % ({100 * level:.0f} %)"


def difference_sentence(result: Json, a: str, b: str) -> str:
    """Whether one of two models is better, as far as these photos can tell."""
    found = result["difference"]["mean"]
    if found is None:
        return "No class is in both: the models cannot be subtracted."
    points = 100 * found["estimate"]
    better, worse = (b, a) if points >= 0 else (a, b)
    if found["low"] is None or found["high"] is None:
        return f"**{as_text(better)}** scores {abs(points):.1f} points more than {as_text(worse)}."
    ends = f"{100 * found['low']:+.1f} and {100 * found['high']:+.1f}"
    if found["low"] <= 0 <= found["high"]:
        told = f"These photos cannot tell {as_text(a)} from {as_text(b)}"
        return f"{told}: B − A is {points:+.1f} points, between {ends}."
    return f"**{as_text(better)}** is better by {abs(points):.1f} points: B − A lies between {ends}."
