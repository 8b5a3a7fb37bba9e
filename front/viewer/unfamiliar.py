"""The sentence under a photo that is unlike the streets which the models know."""

from collections.abc import Iterable

import streamlit as st

from front.api.comparison import Segmentation
from front.ui.names import display_name


def warn_where_unfamiliar(answers: Iterable[Segmentation]) -> None:
    """Say which models do not know such a photo; nothing where all do, or cannot tell."""
    names = [display_name(one.model) for one in answers if one.unfamiliar]
    if names:
        *most, last = names
        who = f"{', '.join(most)} and {last}" if most else last
        st.warning(
            f"This photo is unlike the streets that {who} learnt from: much of what is shown may be wrong.",
            icon=":material/travel_explore:",
        )
