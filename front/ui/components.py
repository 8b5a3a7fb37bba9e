"""Parts of a page that are HTML, CSS and JavaScript of our own, in files beside the module that shows them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str, folder: Path, page: str, scripts: Sequence[str]) -> Any:
    """What mounts a component.

    Args:
        name: of the component.
        folder: of its files.
        page: name of its HTML and CSS, without the ending.
        scripts: its JavaScript files, one module in this order: Streamlit's API takes one string.
    """
    return st.components.v2.component(
        name,
        html=(folder / f"{page}.html").read_text(encoding="utf-8"),
        css=(folder / f"{page}.css").read_text(encoding="utf-8"),
        js="".join((folder / script).read_text(encoding="utf-8") for script in scripts),
    )
