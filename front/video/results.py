"""What came of a clip: the films with their shares over time, and the files to take away."""

from functools import partial

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import taxonomy_of
from front.api.waiting import client
from front.download import HIDE_GENERIC_ERROR, Download, tell_failures
from front.ui.file_names import legal_name
from front.ui.names import display_name
from front.ui.palette import class_table
from front.video import films, player
from front.video.shares import Shares, difference_over_time, moments, read_shares, thin_out

_DOWNLOAD_BYTES = 200 * 10**6  # Streamlit holds what it passes on in memory
_FILES = {
    "overlay": ("overlay", "The clip under the class colours, H.264, with its sound."),
    "classes": ("class maps", "The class of every pixel of every frame, as numbers."),
    "shares": ("shares", "How much of each frame every class covers, as CSV."),
}
_KINDS = {"mp4": "video/mp4", "zip": "application/zip", "mkv": "video/x-matroska", "csv": "text/csv"}


def show_results(jobs: list[Json], entries: list[Json], name: str) -> None:
    """Of jobs that are done, all of one clip; `entries` are the registered models.

    Raises:
        ApiError: the call brought no result.
    """
    for job in jobs:
        for note in job.get("notes", []):
            st.info(f"{display_name(job['model'])}: {note}", icon=":material/info:")
    shares = {job["id"]: _shares_of(job) for job in jobs}
    shown, untold = _films(jobs)
    for sentence in untold:
        st.info(sentence, icon=":material/movie_off:")
    if shown:
        player.show(shown, _areas(jobs, shares, entries), _moments(list(shares.values())), key="video-player")
    _downloads(jobs, name)


def _shares_of(job: Json) -> Shares:
    table = films.fetch(client(), job["files"]["shares"])
    try:
        return read_shares(table)
    except ValueError as error:
        raise ApiError("broken", f"The table of shares cannot be read: {error}.") from error


def _films(jobs: list[Json]) -> tuple[list[player.Film], list[str]]:
    """The overlays and the clip itself, and a sentence for each that cannot be played here."""
    wanted = [(f"{display_name(job['model'])}", job["files"].get("overlay"), "H.264", job["id"]) for job in jobs]
    wanted.insert(0, ("Original", jobs[0]["files"].get("clip"), str(jobs[0]["clip"]["codec"]), "clip"))
    shown, untold = [], []
    for title, path, codec, place in wanted:
        if path is None:
            untold.append(f"{title} is not kept by the API and cannot be played.")
            continue
        try:
            data = films.fetch(client(), path)
        except ApiError as error:
            if error.passing:
                raise
            untold.append(f"{title} is not played here. {error.advice}")
            continue
        shown.append(player.Film(title, films.address_of(data, f"video-{place}"), codec))
    return shown, untold


def _areas(jobs: list[Json], shares: dict[str, Shares], entries: list[Json]) -> list[player.Area]:
    # The colours of the overlay, whatever palette the reader chose: chart and film must not contradict each other.
    by_name = {entry["name"]: entry for entry in entries}
    areas = []
    for job in jobs:
        known = {}
        if job["model"] in by_name:
            known = {c["name"]: c["color"] for c in class_table(taxonomy_of(by_name[job["model"]]), safe=False)}
        table = shares[job["id"]]
        seconds, values = thin_out(table)
        colours = [known.get(name, [128, 128, 128]) for name in table.names]
        areas.append(player.Area(display_name(job["model"]), seconds, values, table.names, colours))
    return areas


def _moments(shares: list[Shares]) -> list[player.Jump]:
    if len(shares) < 2:
        return []
    seconds, differing = difference_over_time(*shares[:2])
    return [player.Jump(found.seconds, f"{found.share:.1%}") for found in moments(seconds, differing)]


@st.fragment
def _downloads(jobs: list[Json], name: str) -> None:
    """The files, each fetched when its button is pressed. A fragment: pressing redraws nothing else."""
    st.subheader("Downloads", anchor=False)
    before: dict[str, Download] = st.session_state.get("video_downloads", {})
    offered: dict[str, Download] = {}
    with st.container(key="downloads"):
        st.html(HIDE_GENERIC_ERROR)
        for job in jobs:
            with st.container(horizontal=True):
                for kind, (label, told) in _FILES.items():
                    path = job["files"].get(kind)
                    if path is None:
                        continue
                    ending = path.rsplit(".", 1)[-1]
                    stem = legal_name(name.rsplit(".", 1)[0])
                    get = partial(client().job_file, path, most_bytes=_DOWNLOAD_BYTES)
                    download = before.get(path) or Download(f"{stem}_{job['model']}_{kind}.{ending}", get)
                    offered[path] = download
                    st.download_button(
                        f"{display_name(job['model'])} {label}",
                        download,
                        download.name,
                        _KINDS.get(ending, "application/octet-stream"),
                        key=f"{kind}-{job['id']}",
                        on_click=download.note_press,
                        icon=":material/download:",
                        help=told,
                    )
    st.session_state["video_downloads"] = offered
    tell_failures(st.empty(), list(offered.values()))
