"""Which class of one model is which class of another, where the two differ."""

from collections.abc import Sequence

MOST_SWAPS = 8


def largest_swaps(
    matrix: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str]
) -> list[tuple[str, str, float]]:
    """(class of A, class of B, per cent of the photo) where the names differ, largest first."""
    total = sum(map(sum, matrix)) or 1
    swaps = [
        (row, column, 100 * matrix[i][j] / total)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        if row != column and matrix[i][j]
    ]
    return sorted(swaps, key=lambda swap: -swap[2])[:MOST_SWAPS]
