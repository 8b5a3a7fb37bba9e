"""The button that saves a report; the file is made when it is pressed."""

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st

from front.api.comparison import Agreement
from front.photos.album import Photo
from front.photos.picture import DISPLAY_SIDE
from front.report.document import Judged, Reported, Subject, report_html
from front.ui.file_names import legal_name
from front.viewer.layers import preview_of


def report_button(
    photo: Photo,
    models: Sequence[Reported],
    agreement: Agreement | None = None,
    judged: Judged | None = None,
) -> None:
    """Arguments as `report_html`; the photo must be one that can be shown."""
    when = time.strftime("%d %B %Y, %H:%M")
    jpeg = preview_of(photo.sha, photo, DISPLAY_SIDE)
    subject = Subject(photo.name, (photo.width, photo.height), jpeg, when)
    st.download_button(
        "Save a report",
        partial(report_html, subject, models, agreement, judged),
        f"{legal_name(photo.stem)}_report.html",
        "text/html",
        on_click="ignore",
        icon=":material/description:",
        help="One HTML file with pictures, models, shares and differences, to read, send or print without this page.",
    )
