"""What a model's card says of photos that are unlike the streets that it knows: how they are told, and how well."""

import pandas as pd
import streamlit as st

from front.api.client import Json


def show_familiarity(familiarity: Json | None) -> None:
    """The section of the page."""
    st.subheader("Photos that it does not know", anchor=False)
    if familiarity is None:
        st.caption("Its card does not say how to tell a photo that is unlike the streets that it was trained on.")
        return
    kinds = [
        {"Pictures": f"{name} ({what})", "Called unlike its streets": 100 * share}
        for what, shares in (("streets", familiarity["false_alarms"]), ("no streets", familiarity["noticed"]))
        for name, share in shares.items()
    ]
    st.dataframe(
        pd.DataFrame(kinds),
        hide_index=True,
        height="content",
        column_config={"Called unlike its streets": st.column_config.NumberColumn(format="%.0f %%")},
        alt="Table of kinds of pictures with the share of each that is called unlike the model's streets.",
    )
    st.caption(
        "Judged by how far the likeliest class leads, and whether they lie where they do in "
        f"{familiarity['where_of']}. The threshold was set on {familiarity['set_on']}. Streets that are called so "
        "are false alarms; of the others, those that are not called so are missed."
    )
