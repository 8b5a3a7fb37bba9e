"""Pictures of the validation split over the epochs of a run, of two runs side by side."""

from collections.abc import Sequence

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.runs.tables import unique_names

_MOST_RUNS = 2
_PHOTOS, _TRUTH = "photos.jpg", "truth.png"


@st.cache_data(ttl=600, max_entries=64, show_spinner=False)
def _picture(base_url: str, run_id: str, file: str) -> bytes:
    return client().panel(run_id, file)


def show_panels(details: Sequence[Json]) -> None:
    """The photos, their labels and the masks after the epoch of the slider, for the first two runs that have them."""
    runs = [(run, name) for run, name in zip(details, unique_names(details), strict=True) if run["panel"]]
    st.subheader("How the masks grew", anchor=False)
    if not runs:
        st.caption("These runs kept no pictures of their validation split. Runs that `train` makes now do.")
        return
    shown = runs[:_MOST_RUNS]
    epoch = _choose_epoch([run["panel"] for run, _ in shown])
    try:
        _show_rows(shown, epoch)
    except ApiError as error:
        st.warning(f"**{error.title}.** The pictures cannot be shown now.", icon=":material/cloud_off:")
        return
    left_out = len(runs) - len(shown)
    st.caption(
        "Photos of the validation split, which training never sees. White is not labelled."
        + (f" The first {_MOST_RUNS} of the {len(runs)} chosen runs with pictures are shown." * (left_out > 0))
    )


def _choose_epoch(panels: Sequence[Sequence[int]]) -> int:
    epochs = sorted({epoch for panel in panels for epoch in panel})
    if len(epochs) == 1:
        return epochs[0]
    key = "panel_epoch"
    if st.session_state.get(key) not in epochs:
        st.session_state[key] = epochs[-1]
    chosen: int = st.select_slider("After epoch", epochs, key=key)
    return chosen


def newest_until(panel: Sequence[int], epoch: int) -> int:
    """The last epoch with pictures up to this one; the first where it has none so early."""
    return max((one for one in panel if one <= epoch), default=min(panel))


def _show_rows(shown: Sequence[tuple[Json, str]], epoch: int) -> None:
    """A column a picture; runs of the same photos share those and their labels."""
    base = client().base_url
    columns: list[tuple[str, bytes]] = []
    for run, name in shown:
        photos = _picture(base, run["run_id"], _PHOTOS)
        if ("Photos", photos) not in columns:
            columns += [("Photos", photos), ("Labels", _picture(base, run["run_id"], _TRUTH))]
        at = newest_until(run["panel"], epoch)
        columns.append((f"{name}, epoch {at}", _picture(base, run["run_id"], f"epoch-{at:05d}.png")))
    for place, (title, picture) in zip(st.columns(len(columns), gap="small"), columns, strict=True):
        with place:
            st.markdown(f"**{title}**")
            st.image(picture, width="stretch", alt=title)
