"""What is asked of the models: which of them, what the labels' values are, and the press that begins."""

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import ICONS, client
from front.photos.label_files import kind_of, kinds_for
from front.ui.names import as_text, display_name


def ask_and_begin(job: Json, entries: list[Json]) -> None:
    """The form; when the job has begun the page runs again."""
    found = job["evaluation"]
    names = [entry["name"] for entry in entries]
    turn = job["id"][:12]
    several = len(found["splits"]) > 1
    columns = st.columns(4 if several else 3, gap="medium", vertical_alignment="bottom")
    with columns[0]:
        first = st.selectbox(
            "Model A",
            names,
            _place(names, job["model"]),
            format_func=display_name,
            key=f"evaluate-a-{turn}",
        )
    others: list[str | None] = [None, *(name for name in names if name != first)]
    with columns[1]:
        second = st.selectbox(
            "Model B, to compare",
            others,
            _place(others, job.get("other")),
            format_func=lambda name: display_name(name) if name else "None",
            key=f"evaluate-b-{turn}",
        )
    kinds = _kinds(found, [entry["taxonomy"] for entry in entries if entry["name"] in (first, second)])
    with columns[2]:
        kind = st.selectbox(
            "The labels' values are",
            kinds,
            _place(kinds, found["label_kind"]),
            format_func=lambda name: kind_of(name).title,
            key=f"evaluate-kind-{turn}",
            help="Guessed by the values and by where in the pictures they lie: roads are below and the sky above. "
            f"In some of the labels there are {_listed(found['values'])}.",
        )
    split = found["split"]
    if several:
        with columns[3]:
            splits = found["splits"]
            split = st.selectbox("Split", splits, _place(splits, split), key=f"evaluate-split-{turn}")
    independent = st.toggle(
        "Every photo is a street of its own",
        value=found["clips"] == "none",
        key=f"evaluate-clips-{turn}",
        help="Else photos whose names differ by a number alone are taken for frames of one clip: neighbours look "
        "alike, so they count as one for the intervals.",
    )
    if st.button("Evaluate", type="primary", icon=":material/play_arrow:", key=f"evaluate-{turn}"):
        clips = "none" if independent else "names"
        try:
            client().begin_evaluation(job["id"], model=first, other=second, label_kind=kind, split=split, clips=clips)
        except ApiError as error:
            box = st.error if error.kind == "rejected" else st.warning
            box(f"**{error.title}.** {as_text(error.advice_for_a_press)}", icon=ICONS[error.kind])
            return
        st.rerun()


def _kinds(found: Json, class_sets: list[str]) -> list[str]:
    """The kinds of label files that these models can be judged by, in the order of the API's guess."""
    guessed = found["label_kinds"]
    kinds = kinds_for(class_sets) or guessed
    return sorted(kinds, key=lambda kind: guessed.index(kind) if kind in guessed else len(guessed))


def _place(choices: list[str] | list[str | None], chosen: str | None) -> int:
    return choices.index(chosen) if chosen in choices else 0  # type: ignore[arg-type]


def _listed(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:20]))
    return f"{shown}, …" if len(values) > 20 else shown or "none that can be read"
