"""What came of an evaluation, from the headline to the files to take away."""

import json
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.foreign import without_pictures
from front.api.waiting import client
from front.download import HIDE_GENERIC_ERROR, Download, tell_failures
from front.evaluate import matrix
from front.evaluate.found import show_left_out
from front.evaluate.pictures import show_pictures
from front.evaluate.slices import show_slices
from front.evaluate.text import difference_sentence, interval_text, percent
from front.evaluate.wanted import want_cell
from front.photos.label_files import kind_of
from front.ui.names import as_text, display_name

_RESULT_BYTES = 100 * 10**6


@st.cache_data(ttl=3600, max_entries=4, show_spinner=False)
def _result(base_url: str, path: str, finished: float) -> Json:
    """`result.json`; `finished` renews it when the same photos were evaluated again."""
    data = client().job_file(path, most_bytes=_RESULT_BYTES)
    try:
        return dict(without_pictures(json.loads(data)))
    except ValueError as error:
        raise ApiError("broken", "The result cannot be read; is the API of the same release?") from error


def show_results(job: Json) -> None:
    """Of a job that is done.

    Raises:
        ApiError: the call brought no result.
    """
    with st.spinner("Fetching the result …"):
        result = _result(client().base_url, job["files"]["result"], job["kept_until"])
    titles = [display_name(name) for name in result["models"]]
    _headline(result, titles)
    _untold(job, result)
    show_pictures(job, result, titles)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _confusion(job, result, titles)
    with right:
        _classes(result, titles)
    show_slices(result, titles)
    _downloads(job)


def _headline(result: Json, titles: list[str]) -> None:
    with st.container(horizontal=True):
        for title, scores in zip(titles, result["scores"], strict=True):
            st.metric(
                f"mIoU, {title}",
                percent((scores["miou"] or {}).get("estimate")),
                interval_text(scores["miou"], result["level"]),
                delta_color="off",
                delta_arrow="off",
                border=True,
                width="content",
                help="Of each class, the pixels on which model and label agree, as a share of those that either of "
                "them gives it; then the mean over the classes.",
            )
        for title, scores in zip(titles, result["scores"], strict=True):
            right = scores["pixel_accuracy"]
            wrong = None if right is None else f"{percent(1 - right)} wrong"
            st.metric(
                f"Pixels right, {title}",
                percent(right),
                wrong,
                delta_color="off",
                delta_arrow="off",
                border=True,
                width="content",
            )
    if len(titles) > 1:
        st.markdown(difference_sentence(result, titles[0], titles[1]))
    if result["blocks"] < result["min_blocks"]:
        stretches = f"{result['blocks']} stretch{'es' * (result['blocks'] != 1)} of video"
        st.caption(
            f"No intervals: by their names the photos come from {stretches}, and {result['min_blocks']} are needed. "
            "If every photo is a street of its own, say so under “Evaluate again”."
        )


def _untold(job: Json, result: Json) -> None:
    """What could not be used, and what the numbers are of."""
    refused = [f"{one['name']}: {one['why']}" for one in result["refused"]]
    if refused:
        st.warning(
            f"{len(refused)} of {len(refused) + len(result['pictures'])} photos could not be scored.",
            icon=":material/broken_image:",
        )
    show_left_out([*refused, *result["notes"], *job["evaluation"]["left_out"]])
    st.caption(
        f"{len(result['pictures'])} photos, split {as_text(result['split'])}, counted in "
        f"{as_text(result['taxonomy'])}; the labels read as {as_text(kind_of(result['label_kind']).title)}."
    )


def _classes(result: Json, titles: list[str]) -> None:
    st.subheader("IoU by class", anchor=False)
    rows: list[dict[str, Any]] = []
    for place, cls in enumerate(result["classes"]):
        row = {"Class": cls["name"]}
        row |= {t: _points(s["class_iou"][place]) for t, s in zip(titles, result["scores"], strict=True)}
        if result["difference"]:
            found = result["difference"]["classes"][place] or {}
            row["B − A"] = _points(found.get("estimate"))
            low, high = found.get("low"), found.get("high")
            row["Interval"] = "" if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"
        rows.append(row)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config=dict.fromkeys(titles, st.column_config.NumberColumn(format="%.1f %%"))
        | {"B − A": st.column_config.NumberColumn(format="%+.1f", help="Points")},
        placeholder="—",
        alt="Table of each model's IoU by class.",
    )


def _confusion(job: Json, result: Json, titles: list[str]) -> None:
    st.subheader("Confusion matrix", anchor=False)
    place = 0
    if len(titles) > 1:
        place = titles.index(
            st.segmented_control(
                "Model",
                titles,
                default=titles[0],
                required=True,
                key="evaluation_matrix",
                label_visibility="collapsed",
            )
        )
    names = [cls["name"] for cls in result["classes"]]
    matrix.show(
        result["scores"][place]["confusion_matrix"],
        names,
        titles[place],
        chosen=partial(want_cell, job["id"], place),
        key=f"matrix-{job['id'][:12]}-{place}",
    )
    st.caption("Each row is one true class, in per cent. Press a cell to see its pictures.")


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value


@st.fragment
def _downloads(job: Json) -> None:
    """The files, each fetched when its button is pressed. A fragment: pressing redraws nothing else."""
    st.subheader("Downloads", anchor=False)
    before: dict[str, Download] = st.session_state.get("evaluation_downloads", {})
    offered: dict[str, Download] = {}
    with st.container(key="downloads"):
        st.html(HIDE_GENERIC_ERROR)
        with st.container(horizontal=True):
            for kind, label, media in (
                ("result", "Result as JSON", "application/json"),
                ("pictures", "Pictures as CSV", "text/csv"),
            ):
                path = job["files"][kind]
                get = partial(client().job_file, path, most_bytes=_RESULT_BYTES)
                download = before.get(path) or Download(f"evaluation_{path.rsplit('/', 1)[1]}", get)
                offered[path] = download
                st.download_button(
                    label,
                    download,
                    download.name,
                    media,
                    key=f"{kind}-{job['id']}",
                    on_click=download.note_press,
                    icon=":material/download:",
                )
    st.session_state["evaluation_downloads"] = offered
    tell_failures(st.empty(), list(offered.values()))
