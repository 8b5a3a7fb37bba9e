"""Names with values, one line each: how the About page says what is known of a model."""

from html import escape
from typing import Any

import streamlit as st


def show_facts(facts: dict[str, Any], title: str) -> None:
    """Name and value, one line each; what is not known is left out. `title` is for those who do not see it."""
    lines = "".join(
        f'<dt style="opacity:.75">{escape(name)}</dt>'
        f'<dd style="margin:0;overflow-wrap:anywhere">{escape(str(value))}</dd>'
        for name, value in facts.items()
        if value not in (None, "", "—")
    )
    st.html(
        f'<dl aria-label="{title}" style="display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr);'
        f'gap:.35rem 1rem;margin:0;padding:0">{lines}</dl>'
    )
