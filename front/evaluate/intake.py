"""How photos and labels come in: dropped as files or a zip, or a folder beside the API."""

import tempfile
import zipfile
from collections.abc import Sequence
from typing import BinaryIO, cast

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import ICONS, client
from front.api.watched import EVALUATION
from front.photos.memory import give_back_freed
from front.photos.picture import EXTENSIONS
from front.photos.uploads import arrived, let_go
from front.ui.names import as_text

UPLOAD_MB = 200
_HERE = "The whole data set folder"
_REFUSED = "evaluation_refused"  # of the session: a sentence for the page's next run


def photos_intake(entries: list[Json]) -> None:
    """The ways in; what comes is sent at once, and the page runs again with what the API found in it."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(as_text(refused), icon=":material/folder_off:")
    turn = st.session_state.setdefault("evaluation_turn", 0)  # a new key empties the widgets once it is sent
    folders = client().folders()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        key = f"evaluation-files-{turn}"
        st.file_uploader(
            "Drop photos and their labels here, as files or a zip",
            type=[*EXTENSIONS, "zip", "csv"],
            accept_multiple_files=True,
            max_upload_size=UPLOAD_MB,
            key=key,
        )
        st.caption(
            "A photo and its label share a name: `images/a.jpg` and `labels/a.png` in a zip, or `a.jpg` and "
            "`a_labels.png` side by side; Cityscapes and CamVid as they come. A CSV file beside them, with a line "
            "for each photo, slices the scores by its columns."
        )
        files = arrived(key)
    with right:
        folder = _choose_folder(folders, turn)
    if not files and folder is None:
        return
    try:
        with st.spinner("The API looks at the photos and labels …"):
            job = _send(files, folder, entries[0]["name"])
    except ApiError as error:
        if error.kind != "rejected":
            box = st.warning if error.passing else st.error
            box(f"**{error.title}.** {error.advice_for_a_press}", icon=ICONS[error.kind])
            st.button("Send again", icon=":material/replay:")
            return
        # An empty uploader: else every run of the page would send the same files again.
        st.session_state["evaluation_turn"] += 1
        st.session_state[_REFUSED] = error.advice
        let_go(files)
        st.rerun()
    st.session_state["evaluation_turn"] += 1
    let_go(files)
    EVALUATION.watch([job["id"]])
    if files:
        st.session_state[EVALUATION.name] = files[0].name if len(files) == 1 else f"{len(files)} files"
    give_back_freed()
    st.rerun()


def _choose_folder(folders: list[str], turn: int) -> str | None:
    chosen: str | None = st.selectbox(
        "Or choose a folder of the server",
        folders,
        index=None,
        placeholder="Choose a folder" if folders else "There is none",
        format_func=lambda path: _HERE if path == "." else path,
        disabled=not folders,
        key=f"evaluation-folder-{turn}",
    )
    if not folders:
        st.caption("Where the API's STREETSEG_DATASET_DIR names a folder with data sets, they can be chosen here.")
    return chosen


def _send(files: Sequence[BinaryIO], folder: str | None, model: str) -> Json:
    if not files:
        return client().hold_evaluation(None, folder=folder, model=model)
    if len(files) == 1 and str(files[0].name).lower().endswith(".zip"):
        return client().hold_evaluation(files[0], folder=None, model=model)
    with tempfile.TemporaryFile(prefix="streetseg-photos-") as packed:
        pack(files, cast(BinaryIO, packed))
        return client().hold_evaluation(cast(BinaryIO, packed), folder=None, model=model)


def pack(files: Sequence[BinaryIO], into: BinaryIO) -> None:
    """One zip of many files, which are compressed already: a form has room for few files, a zip for many."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            file.seek(0)
            with archive.open(str(file.name), "w", force_zip64=True) as member:
                while piece := file.read(1 << 20):
                    member.write(piece)
