"""Files to take away: masks and overlays as the API makes them, and the zip of everything."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Condition

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front.api.client import Json
from front.api.comparison import Segmentation
from front.api.errors import ApiError
from front.api.models import prediction_cache
from front.api.predictions import ModelRef
from front.api.waiting import client, show_problem
from front.photos.album import Album, Photo
from front.photos.memory import give_back_freed
from front.segment.archive import Archive, archive_key
from front.segment.files import Output, fetch, file_cache, file_name
from front.ui.names import as_text, display_name, shorten

_HELP: dict[Output, str] = {
    "mask": "Palette PNG in the photo's own size, as the API sends it.",
    "overlay": "The photo in its own size under the class colours.",
}
START_SECONDS = 3.0  # from the press of a button to the browser's question for its file
# Streamlit writes "Failed to generate file" under the button of a download that fails; the sentence below says more.
_HIDE_GENERIC_ERROR = "<style>.st-key-downloads [data-testid=stDownloadButtonError] { display: none }</style>"


class Download:
    """A file that is fetched when its button is pressed.

    Streamlit calls it in a thread that cannot write to the page: what went wrong waits here until the page asks.
    """

    def __init__(self, name: str, get: Callable[[], bytes]) -> None:
        self.name = name
        self.problem: str | None = None
        self._get = get
        self._pressed = self._started = self._ended = 0
        self._start_by = 0.0
        self._changed = Condition()

    def note_press(self) -> None:
        """The button's callback. It and the call itself set off together, so either may come first."""
        with self._changed:
            self._pressed += 1
            self._start_by = time.monotonic() + START_SECONDS

    def __call__(self) -> bytes:
        with self._changed:
            self._started += 1
            self.problem = None
        said: str | None = f"**{as_text(self.name)}** could not be made; the dashboard's log says why."
        try:
            data = self._get()
            said = None
            return data
        except ApiError as error:
            said = sentence(self.name, error)
            raise
        finally:
            with self._changed:
                self._ended += 1
                self.problem = said
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for the answer to a press, so long at most; whether there is nothing to wait for any more."""
        with self._changed:
            if self._started < self._pressed and time.monotonic() > self._start_by:
                self._pressed = self._started  # the browser never asked for the file
            return self._changed.wait_for(lambda: self._ended >= max(self._started, self._pressed), seconds)


def sentence(name: str, error: ApiError) -> str:
    """What happened to a download and what to do."""
    # Pages try again by themselves, and the advice says so; a download waits for its button.
    advice = error.advice.partition(" This page ")[0]
    again = " Press the button again in a moment." if error.passing else ""
    return f"**{as_text(name)}** could not be fetched. {error.title}: {advice}{again}"


@st.fragment
def downloads(photo: Photo, album: Album, answers: dict[str, Segmentation], taxonomies: Mapping[str, Json]) -> None:
    """The section of the page. A fragment: pressing a button redraws nothing else."""
    st.subheader("Downloads", anchor=False)
    percent = st.slider(
        "Opacity of downloaded overlays",
        0,
        100,
        60,
        format="%d %%",
        key="download_opacity",
        persist_state="session",
        width=320,
    )
    offered = _downloads_of(photo, answers, percent / 100)
    with st.container(key="downloads"):
        st.html(_HIDE_GENERIC_ERROR)
        with st.container(horizontal=True):
            for (model, output), download in offered.items():
                st.download_button(
                    f"{display_name(model)} {output}",
                    download,
                    download.name,
                    "image/png",
                    key=f"{output}-{model}",
                    on_click=download.note_press,
                    icon=":material/download:",
                    help=_HELP[output],
                )
    place = st.empty()
    _archive(album, [ModelRef.of_answer(answer) for answer in answers.values()], percent / 100, taxonomies)
    _tell(place, list(offered.values()))


def _downloads_of(
    photo: Photo, answers: dict[str, Segmentation], opacity: float
) -> dict[tuple[str, Output], Download]:
    """The files of the photo looked at; kept over reruns, because a press and its answer are a rerun apart."""
    before: dict[object, Download] = st.session_state.get("downloads", {})
    kept: dict[object, Download] = {}
    offered: dict[tuple[str, Output], Download] = {}
    outputs: tuple[Output, ...] = ("mask", "overlay")
    for model, answer in answers.items():
        for output in outputs:
            key = (photo.sha, answer.sha256, answer.version, model, output, opacity)
            get = partial(fetch, client(), file_cache(), photo, answer, output, opacity)
            kept[key] = before.get(key) or Download(file_name(photo, model, output), get)
            offered[model, output] = kept[key]
    st.session_state["downloads"] = kept
    return offered


def _tell(place: DeltaGenerator, offered: Sequence[Download]) -> None:
    """Say which files did not come and what to do; waits for those that are on their way."""
    for download in offered:
        while not download.wait(0.5):
            place.empty()  # lets Streamlit end this run when something else was pressed
    with place.container():
        for download in offered:
            if download.problem is not None:
                st.error(download.problem, icon=":material/download:")


def _archive(album: Album, refs: list[ModelRef], opacity: float, taxonomies: Mapping[str, Json]) -> None:
    """The zip: made on request, because overlays of many photos take a while."""
    photos = list(album.photos.values())
    archive: Archive | None = st.session_state.get("archive")
    if archive is not None and archive.key != archive_key(photos, refs, opacity):
        archive = st.session_state["archive"] = None
    place = st.empty()
    if archive is None:
        place.button(
            "Make a zip of everything" if len(photos) == 1 else f"Make a zip of all {len(photos)} photos",
            icon=":material/folder_zip:",
            on_click=_set_archive,
            args=(Archive, photos, refs, opacity, taxonomies),
            help="Masks, class maps and overlays (as JPEG) of every photo and model, what the class ids mean, and a "
            "CSV of class shares.",
        )
        return
    if not archive.finished:
        with place.container():
            if not _fill(archive, album):
                return
    with place.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Save the zip, {archive.size / 1e6:.1f} MB",
            archive.read,
            "streetseg.zip",
            "application/zip",
            type="primary",
            on_click="ignore",
            icon=":material/folder_zip:",
        )
        if archive.refusals:
            st.caption(f"{archive.refusals} refused: its CSV says which and why.", width="content")


def _set_archive(make: Callable[..., Archive] | None, *args: object) -> None:
    st.session_state["archive"] = make(*args) if make else None


def _fill(archive: Archive, album: Album) -> bool:
    """Fill the zip under a progress bar; False when the API must be waited for, after which it goes on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="Making the zip")
        st.button("Cancel", icon=":material/close:", key="cancel-zip", on_click=_set_archive, args=(None,))

    def show_progress(done: int, total: int, name: str) -> None:
        text = f"Making the zip: {done} of {total}, now {as_text(shorten(name, 20))}; Cancel waits for it"
        bar.progress(done / total, text=text)

    try:
        archive.fill(client(), prediction_cache(), show_progress, album.refused)
    except ApiError as error:
        show_problem(error, "zip")
        return False
    st.session_state.get("attempts", {}).pop("zip", None)
    give_back_freed()
    return True
