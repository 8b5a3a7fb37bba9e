"""The README's tables come from the cards, and are those that the cards give now."""

import pytest

from modelisation.bundled_models import FOLDER, find_bundles
from modelisation.tables import PAGES, fill_tables
from tests.bundles import make_bundle

TEXT = "before\n<!-- table results: make tables -->\nold\n<!-- end of table -->\nafter\n"


def test_a_marked_table_is_written_anew_and_the_rest_stays(tmp_path):
    filled = fill_tables(TEXT, [make_bundle(tmp_path, name="street", miou=0.613)])
    assert filled.startswith("before\n<!-- table results: make tables -->\n")
    assert filled.endswith("<!-- end of table -->\nafter\n")
    assert "| street | 61.3 |" in filled
    assert "old" not in filled


def test_writing_twice_changes_nothing(tmp_path):
    bundles = [make_bundle(tmp_path)]
    once = fill_tables(TEXT, bundles)
    assert fill_tables(once, bundles) == once


def test_an_unknown_table_is_named():
    with pytest.raises(ValueError, match="unknown table 'weights'; known: results, classes"):
        fill_tables("<!-- table weights: x -->\n<!-- end of table -->", [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_holds_what_cards_and_benchmark_say(page):
    text = page.read_text(encoding="utf-8")
    assert "<!-- table " in text
    assert fill_tables(text, find_bundles(FOLDER)) == text, "run `make tables`"
