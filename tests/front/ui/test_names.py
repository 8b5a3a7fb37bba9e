"""Names of files on a page: every letter is shown, and none does anything."""

import pytest

from front.ui.names import as_text


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("street 1 (2).jpg", "street 1 (2).jpg"),
        ("*draft*.jpg", r"\*draft\*.jpg"),
        ("_v2_.jpg", r"\_v2\_.jpg"),
        ("__street_mask__.png", r"\_\_street_mask\_\_.png"),
        ("$5 and $6.jpg", r"\$5 and \$6.jpg"),
        ("![x](https://elsewhere.example/x.png)", r"!\[x\](https\://elsewhere.example/x.png)"),
        (":red[stop].jpg", r"\:red\[stop\].jpg"),
        ("<b>&amp;`a`~~b~~|c", r"\<b\>\&amp;\`a\`\~\~b\~\~\|c"),
        ("# one.jpg", r"\# one.jpg"),
        ("- one.jpg", r"\- one.jpg"),
        ("1. one.jpg", r"1\. one.jpg"),
        ("2024.jpg", r"2024\.jpg"),
        ("two\nlines  and more", "two lines and more"),
        ("back\\slash", r"back\\slash"),
        ("街 شارع 🚦.jpg", "街 شارع 🚦.jpg"),
    ],
)
def test_a_name_is_shown_as_it_is(name: str, written: str) -> None:
    assert as_text(name) == written
