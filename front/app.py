"""The dashboard's entry: `python -m streamlit run front/app.py`."""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
ROOT = str(HERE.parent)
if ROOT not in sys.path:  # `streamlit run` puts this folder on the path, not the one that holds the package
    sys.path.append(ROOT)

from front.photos.memory import keep_heap_small  # noqa: E402 (the path is set above)
from front.photos.picture import PhotoError  # noqa: E402
from front.photos.visitors import PARAMETER, album_of, visitors  # noqa: E402
from front.ui.names import as_text  # noqa: E402

# Not in a folder named `pages`: Streamlit would serve those files as an app of its own to whoever opens one by its
# address before the first visitor of this file.
PAGES = (
    ("segment/view.py", "Segment", ":material/imagesmode:", "segment"),
    ("compare/view.py", "Compare", ":material/compare:", "compare"),
    ("video/view.py", "Video", ":material/movie:", "video"),
    ("evaluate/view.py", "Evaluate", ":material/fact_check:", "evaluate"),
    ("benchmark/view.py", "Benchmark", ":material/leaderboard:", "benchmark"),
    ("runs/view.py", "Runs", ":material/show_chart:", "runs"),
    ("about/view.py", "About this model", ":material/badge:", "about"),
)

keep_heap_small()
st.set_page_config(page_title="StreetSeg", page_icon=HERE / "icon.png", layout="wide")
st.logo(HERE / "logo.svg", size="large")
pages = [
    st.Page(path, title=title, icon=icon, url_path=url, default=url == "segment") for path, title, icon, url in PAGES
]
chosen = st.navigation(pages, position="hidden")
album = album_of(st.session_state, st.query_params, visitors())
here = {PARAMETER: st.session_state["photos_token"]} if album.photos else None
# Links of our own: Streamlit's bar turns into a drawer on a phone, and the drawer stays over the page that it opened.
with st.container(horizontal=True, gap="xsmall", key="nav"):
    for page in pages:
        st.page_link(page, width="content", query_params=here)
try:
    chosen.run()
except PhotoError as error:  # of a photo that another window has just removed
    st.error(as_text(str(error)), icon=":material/broken_image:")
