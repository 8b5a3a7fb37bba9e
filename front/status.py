"""The line that says what is going on, always of one height: nothing moves when a message comes or goes."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_HEIGHT = 44  # pixels: a button, or a bar with its text


def status_line() -> DeltaGenerator:
    return st.container(height=_HEIGHT, border=False, horizontal=True, vertical_alignment="center", key="status")
