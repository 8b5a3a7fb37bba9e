"""Files to take away: masks and overlays as the API makes them, and the zip of everything."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from front.api.client import Json
from front.api.comparison import Segmentation
from front.api.errors import ApiError
from front.api.models import prediction_cache
from front.api.predictions import ModelRef, cached_agreement
from front.api.waiting import client, show_problem
from front.download import HIDE_GENERIC_ERROR, Download, tell_failures
from front.photos.album import Album, Photo
from front.photos.memory import give_back_freed
from front.report.button import report_button
from front.report.document import Reported
from front.segment.archive import Archive, archive_key
from front.segment.files import KINDS, Output, fetch, file_cache, file_name
from front.ui.names import as_text, display_name, shorten


@st.fragment
def downloads(
    photo: Photo,
    album: Album,
    answers: dict[str, Segmentation],
    taxonomies: Mapping[str, Json],
    reported: Sequence[Reported],
) -> None:
    """The section of the page. A fragment: pressing a button redraws nothing else."""
    st.subheader("Downloads", anchor=False)
    output = st.pills(
        "File",
        list(KINDS),
        default="mask",
        required=True,
        format_func=lambda kind: KINDS[kind].title[0].upper() + KINDS[kind].title[1:],
        key="download_kind",
        persist_state="session",
    )
    st.caption(KINDS[output].help)
    opacity, class_name = _options(output, answers, taxonomies)
    offered = _downloads_of(photo, answers, output, opacity, class_name, taxonomies)
    with st.container(key="downloads"):
        st.html(HIDE_GENERIC_ERROR)
        with st.container(horizontal=True):
            for model, download in offered.items():
                st.download_button(
                    f"{display_name(model)} {KINDS[output].title}",
                    download,
                    download.name,
                    KINDS[output].media_type,
                    key=f"{output}-{model}",
                    on_click=download.note_press,
                    icon=":material/download:",
                )
    place = st.empty()
    refs = [ModelRef.of_answer(answer) for answer in answers.values()]
    agreement = cached_agreement(prediction_cache(), photo, *refs) if len(refs) == 2 else None
    report_button(photo, reported, agreement)
    _archive(album, refs, opacity, taxonomies)
    tell_failures(place, list(offered.values()))


def _options(
    output: Output, answers: dict[str, Segmentation], taxonomies: Mapping[str, Json]
) -> tuple[float, str | None]:
    """Opacity of overlays, of those in the zip too, and the class of a cut-out; each asked for where it matters."""
    percent = int(st.session_state.get("download_opacity", 60))
    if output == "overlay":
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
    if output != "cutout":
        return percent / 100, None
    names = list(dict.fromkeys(c["name"] for model in answers for c in taxonomies[model]["classes"]))
    seen = {name: max(one.class_shares.get(name, 0.0) for one in answers.values()) for name in names}
    if st.session_state.get("cutout_class") not in names:
        st.session_state["cutout_class"] = "vehicle" if seen.get("vehicle") else max(names, key=lambda n: seen[n])
    return percent / 100, st.selectbox(
        "Class to cut out", names, key="cutout_class", persist_state="session", width=320
    )


def _downloads_of(
    photo: Photo,
    answers: dict[str, Segmentation],
    output: Output,
    opacity: float,
    class_name: str | None,
    taxonomies: Mapping[str, Json],
) -> dict[str, Download]:
    """The file of the photo looked at, by model; kept over reruns: a press and its answer are a rerun apart."""
    before: dict[object, Download] = st.session_state.get("downloads", {})
    kept: dict[object, Download] = {}
    offered: dict[str, Download] = {}
    for model, answer in answers.items():
        if class_name is not None and class_name not in [c["name"] for c in taxonomies[model]["classes"]]:
            continue
        key = (photo.sha, answer.sha256, answer.version, model, output, opacity, class_name)
        get = partial(fetch, client(), file_cache(), photo, answer, output, opacity, class_name)
        kept[key] = before.get(key) or Download(file_name(photo, model, output, class_name), get)
        offered[model] = kept[key]
    st.session_state["downloads"] = kept
    return offered


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
