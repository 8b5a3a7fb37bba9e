"""Write the tables of the READMEs and of pages in docs/ from benchmarks, cards and ablations. `make tables`.

A table stands between `<!-- table NAME: COMMAND -->` and `<!-- end of table -->`; the rest of the file stays,
and no number is typed by hand.
"""

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.reports.choices import ablation_lines, budget_lines
from modelisation.reports.evaluation_speed import evaluation_lines
from modelisation.reports.families import families_lines
from modelisation.reports.quality import QUALITY, QUALITY_TABLES, carries_table, quality_lines, robustness_table
from modelisation.reports.scale import labelling_lines
from modelisation.reports.serving_scale import SERVING_TABLES, serving_lines
from modelisation.reports.speed import SPEED_TABLES, speed_lines
from modelisation.reports.starts import starts_lines
from modelisation.reports.throughput import clip_lines, folder_lines
from modelisation.reports.to_quality import to_quality_lines
from modelisation.reports.tradeoff import tradeoff_lines
from modelisation.reports.training_speed import training_lines

README = REPOSITORY / "README.md"
PAGES = (
    README,
    REPOSITORY / "docs" / "performance.md",
    REPOSITORY / "docs" / "catalogue.md",
    REPOSITORY / "docs" / "scale.md",
    REPOSITORY / "modelisation" / "README.md",
)
_BLOCK = re.compile(r"(<!-- table (?P<name>[a-z-]+):[^>]*-->\n).*?(<!-- end of table -->)", re.DOTALL)


Lines = Callable[[], list[str]]


def _tables(bundles: Sequence[Path], quality: Path) -> dict[str, Lines]:
    return {
        **{name: partial(quality_lines, name, bundles, quality) for name in QUALITY_TABLES},
        "robustness": partial(robustness_table, bundles),
        "carries": partial(carries_table, bundles),
        "ablations": ablation_lines,
        "families": families_lines,
        "starts": starts_lines,
        "labelling": labelling_lines,
        **{name: partial(serving_lines, name) for name in SERVING_TABLES},
        "tradeoff": tradeoff_lines,
        "evaluation": evaluation_lines,
        "folders": folder_lines,
        "clips": clip_lines,
        "training": training_lines,
        "to-quality": to_quality_lines,
        "budgets": partial(budget_lines, bundles),
        **{name: partial(speed_lines, name) for name in SPEED_TABLES},
    }


def contents(text: str) -> list[str]:
    """A list of a page's headings below its title, as links to where GitHub puts them."""
    found = re.findall(r"^(##+) (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return [f"{'  ' * (len(level) - 2)}- [{title}](#{_anchor(title)})" for level, title in found]


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def fill_tables(text: str, bundles: Sequence[Path], quality: Path = QUALITY) -> str:
    """The text with every marked table written anew.

    Args:
        text: Markdown with marked tables.
        bundles: folders of the models that ship with the project.
        quality: JSON report of their comparison.

    Raises:
        UserError: a marked table has an unknown name, or the report is of other weights than the bundles'.
    """
    tables = _tables(bundles, quality) | {"contents": partial(contents, text)}

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in tables:
            raise UserError(f"unknown table {name!r}; known: {', '.join(tables)}")
        return f"{match[1]}\n" + "\n".join(tables[name]()) + f"\n\n{match[3]}"

    return _BLOCK.sub(fill, text)


def main() -> int:
    bundles = find_bundles(FOLDER)
    for page in PAGES:
        page.write_text(fill_tables(page.read_text(encoding="utf-8"), bundles), encoding="utf-8")
        print(f"{page.relative_to(REPOSITORY)}: tables written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
