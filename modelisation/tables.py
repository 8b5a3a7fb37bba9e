"""Write the tables of README.md and docs/performance.md from the models' cards and the benchmark. `make tables`.

A table stands between `<!-- table NAME: COMMAND -->` and `<!-- end of table -->`; the rest of the file stays,
and no number is typed by hand.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from back.runtime.card import ONNX_FILE, Card, read_card
from modelisation.bundled_models import FOLDER, find_bundles
from modelisation.compare_text import table
from modelisation.lineage import REPOSITORY
from modelisation.speed_tables import SPEED_TABLES, speed_lines

README = REPOSITORY / "README.md"
PAGES = (README, REPOSITORY / "docs" / "performance.md")
_BLOCK = re.compile(r"(<!-- table (?P<name>[a-z-]+):[^>]*-->\n).*?(<!-- end of table -->)", re.DOTALL)


def results_table(bundles: Sequence[Path]) -> list[str]:
    """One row a model: its headline scores, size and training, as its card says."""
    header = ["model", "mIoU-8 %", "mIoU-7 %", "pixel accuracy %", "parameters (M)", "file (MB)", "training steps"]
    return table(header, [_results_row(bundle, read_card(bundle)) for bundle in bundles])


def classes_table(bundles: Sequence[Path]) -> list[str]:
    """One row a class: its IoU in each model."""
    cards = [read_card(bundle) for bundle in bundles]
    names = cards[0].taxonomy.names
    rows = [[name, *(_percent(c.metrics.class_iou[name] if c.metrics else None) for c in cards)] for name in names]
    return table(["class", *(card.name for card in cards)], rows)


def _speed_lines(name: str) -> Callable[[Sequence[Path]], list[str]]:
    def lines(_: Sequence[Path]) -> list[str]:
        return speed_lines(name)

    return lines


TABLES: dict[str, Callable[[Sequence[Path]], list[str]]] = {
    "results": results_table,
    "classes": classes_table,
    **{name: _speed_lines(name) for name in SPEED_TABLES},
}


def fill_tables(text: str, bundles: Sequence[Path]) -> str:
    """The text with every marked table written anew.

    Raises:
        ValueError: a marked table has a name that is not in `TABLES`.
    """

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in TABLES:
            raise ValueError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
        return f"{match[1]}\n" + "\n".join(TABLES[name](bundles)) + f"\n\n{match[3]}"

    return _BLOCK.sub(fill, text)


def _results_row(bundle: Path, card: Card) -> list[str]:
    metrics, training = card.metrics, card.training
    return [
        card.name,
        _percent(metrics.miou_8 if metrics else None),
        _percent(metrics.miou_7 if metrics else None),
        _percent(metrics.pixel_accuracy if metrics else None),
        f"{card.parameters / 1e6:.2f}",
        f"{(bundle / ONNX_FILE).stat().st_size / 1e6:.1f}",
        f"{training.steps:,}" if training else "–",
    ]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def main() -> int:
    bundles = find_bundles(FOLDER)
    for page in PAGES:
        page.write_text(fill_tables(page.read_text(encoding="utf-8"), bundles), encoding="utf-8")
        print(f"{page.relative_to(REPOSITORY)}: tables written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
