"""Numbers as Markdown."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)]


def points(value: float | None) -> str:
    """A fraction as per cent with two decimals, or `no pixel`."""
    return "no pixel" if value is None else f"{100 * value:.2f}"
