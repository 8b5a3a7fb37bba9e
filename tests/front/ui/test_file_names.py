"""Names of files that leave the dashboard."""

import pytest

from front.ui.file_names import legal_name, tell_apart


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("street", "street"),
        ("Straße 2", "Straße 2"),
        ('a<b>c:d"e/f\\g|h?i*j', "a_b_c_d_e_f_g_h_i_j"),
        ("line\nbreak\x00", "line_break_"),
        ("ends with a dot.", "ends with a dot"),
        (" .. ", "_"),
        ("", "_"),
        ("con", "_con"),
        ("AUX", "_AUX"),
        ("com1", "_com1"),
        ("nul.tar", "_nul.tar"),
        ("console", "console"),
        ("e\u0301", "\u00e9"),  # macOS writes accents apart
        ("half of a pair \ud83d", "half of a pair _"),
        ("x" * 300, "x" * 80),
        ("街" * 300, "街" * 66),  # 255 bytes are the most that Linux takes
        ("🚦" * 300, "🚦" * 50),
        ("👩\u200d🚒", "👩\u200d🚒"),
        ("شارع", "شارع"),
        ("street\u202egpj.exe", "streetgpj.exe"),
        ("\u200b\ufeff", "_"),
        ("next\x85line", "next_line"),
        ("CONIN$", "_CONIN$"),
        ("nul .txt", "_nul .txt"),
    ],
)
def test_a_name_is_legal_on_every_system(name: str, legal: str) -> None:
    assert legal_name(name) == legal


def test_names_are_told_apart_on_systems_that_know_no_capitals() -> None:
    assert tell_apart(["a", "a", "a-2", "b", "a"]) == ["a", "a-2", "a-2-2", "b", "a-3"]
    assert tell_apart(["Street", "street", "STREET"]) == ["Street", "street-2", "STREET-3"]
