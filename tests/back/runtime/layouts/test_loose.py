"""Photos and labels side by side."""

from pathlib import Path

import pytest

from back.runtime.layouts import loose
from back.runtime.layouts.recognise import list_split


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["a.jpg", "a.png"], {"a": ("a.jpg", "a.png")}),
        (["a.png", "a_labels.png", "b.png"], {"a": ("a.png", "a_labels.png"), "b": ("b.png", None)}),
        (["x_leftImg8bit.png", "x_gtFine_labelIds.png"], {"x": ("x_leftImg8bit.png", "x_gtFine_labelIds.png")}),
        (["photos/a.png", "masks/a.png"], {"a": ("photos/a.png", "masks/a.png")}),
        (["A-mask.PNG", "A.webp"], {"A": ("A.webp", "A-mask.PNG")}),
    ],
)
def test_photo_and_label_are_told_apart_by_their_names(tmp_path: Path, names: list[str], pairs: dict) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {}
    for pair in list_split(loose, tmp_path, loose.ALL).pairs:  # type: ignore[arg-type]
        found[pair.name] = tuple(
            path.relative_to(tmp_path).as_posix() if path else None for path in (pair.image, pair.label)
        )
    assert found == pairs


def test_a_second_photo_of_one_name_is_told(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.webp", "a.png"):
        (tmp_path / name).touch()
    listing = list_split(loose, tmp_path, loose.ALL)  # type: ignore[arg-type]
    assert [one.kind for one in listing.left_out] == ["second_of_a_name"]
    assert len(listing.pairs) == 1
