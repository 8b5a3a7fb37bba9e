"""Where a model comes from and how it was trained: data, licences, and every run that led to its weights."""

import re
from html import escape
from itertools import cycle
from typing import Any

import streamlit as st

from front import page
from front.about.facts import show_facts
from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.ui import charts
from front.ui.links import training_view
from front.ui.names import dataset_name, display_name, duration
from front.ui.palette import DASHES

_RUN = re.compile(r"\brun ([0-9a-f]{32})\b")
# As `modelisation` writes it into the card of a model that began with another's weights.
_BEGAN_WITH = re.compile(
    r"weights of (?P<model>\S+) \(sha256 \w+, run \w+, (?P<steps>\d+) steps on (?P<dataset>\S+) (?P<split>\S+), "
    r".*it began with (?P<first>.+)\)"
)
_CURVES = (("val_miou", "Validation mIoU", "mIoU"), ("train_loss", "Training loss", "loss"))
_SEARCHED = 1000  # runs among which the earlier ones are looked for


def show_origin(entry: Json, card: Json) -> None:
    """On what it was trained, what it began with, and whose terms hold."""
    training = card.get("training") or {}
    teacher = training.get("teacher")
    st.subheader("Data and licence", anchor=False)
    if origin := card.get("origin"):
        facts = {
            "Imported from": origin["source"],
            "Library": origin["library"],
            "Licence of the weights": origin["licence"],
            "sha256 of the source": ", ".join(f"{name} {value[:12]}" for name, value in origin["sha256"].items()),
        }
        show_facts(facts, "Data and licence")
        return
    show_facts(
        {
            "Trained on": data_of(training),
            "Licence of the data": training.get("data_licence") or entry.get("data_licence"),
            "Licence of the weights": training.get("weights_licence") or entry.get("weights_licence"),
            "Began with": beginning_of(training.get("initialisation")),
            "Teacher": teacher
            and f"{display_name(teacher['name'])}: {teacher['weights_licence'] or 'terms unknown'}",
        },
        "Data and licence",
    )


def data_of(training: Json) -> str:
    """`CamVid train and 400 rendered scenes`."""
    data = f"{dataset_name(training.get('dataset', '—'))} {training.get('split', '')}".strip()
    scenes = (training.get("recipe") or {}).get("scenes")
    return f"{data} and {scenes:,} rendered scenes" if scenes else data


def beginning_of(initialisation: str | None) -> str | None:
    """What a network's weights began with, without the hashes: those stand in the recipe."""
    match = _BEGAN_WITH.fullmatch(initialisation or "")
    if match is None:
        return initialisation
    data = f"{dataset_name(match['dataset'])} {match['split']}"
    first = match["first"]
    first = first[: len(first) - max(0, first.count(")") - first.count("("))]  # each run before closes a bracket more
    first = "random ones" if first == "random" else first
    model = display_name(match["model"])
    return f"the weights of {model} after {int(match['steps']):,} steps on {data}, which began with {first}"


def show_training(entry: Json, card: Json) -> None:
    """The facts of the run that ended with these weights."""
    training = card.get("training")
    st.subheader("How it was trained", anchor=False)
    if not training:
        st.caption("The card does not say.")
        return
    state = ", with uncommitted changes" if training["git_dirty"] else ""
    before = training.get("steps_before") or 0
    runs = "runs" if len(_runs_before(training)) > 1 else "run"
    show_facts(
        {
            "Epochs": training["epochs"],
            "Steps": f"{training['steps']:,}" + (f", after {before:,} in the {runs} before" if before else ""),
            "Wall time": duration(0, 1000 * training["wall_time_s"]),
            "Seed": training["seed"],
            "Code": f"{training['git_commit'][:10]}{state}",
            "Run": entry.get("run_id") or training["run_id"],
            "Its id where it was trained": training["run_id"] if entry.get("run_id") != training["run_id"] else None,
            "Packages": ", ".join(f"{name} {version}" for name, version in training["packages"].items()),
        },
        "Training",
    )
    with st.expander("The whole recipe"):
        st.json(training["recipe"])
        st.caption(f"It began with: {training.get('initialisation')}")


def show_curves(entry: Json, card: Json, colour: str) -> None:
    """The curves of all runs that led to these weights, one after the other, and each one's page in MLflow."""
    try:
        runs = runs_behind(entry, card)
    except ApiError as error:
        st.subheader("Training curves", anchor=False)
        st.caption(f"They cannot be read just now. {error.advice}")
        return
    if not runs:
        return
    st.subheader("Training curves", anchor=False)
    for column, (metric, title, unit) in zip(st.columns(len(_CURVES), gap="medium"), _CURVES, strict=True):
        lines = joined_curves(runs, metric, colour)
        if not lines:
            continue
        with column:
            st.markdown(f"**{title}**")
            page.chart(
                charts.curves(lines, unit=unit),
                key=f"about-{metric}",
                alt=f"{title} by epoch. " + " ".join(f"{n} ends at {v[-1]:.4g}." for n, _, _, v, _ in lines),
            )
    if len(runs) > 1:
        st.caption(f"{len(runs)} runs, one after the other: each began with the weights of the one before.")
    for run, dash in zip(runs, cycle(DASHES), strict=False):
        style = {"solid": "solid", "dot": "dotted"}.get(dash, "dashed")
        url = str(run.get("url") or "")
        link = f' <a href="{escape(training_view(url))}" target="_blank" rel="noopener">open in MLflow</a>'
        st.html(
            '<div style="display:flex;flex-wrap:wrap;gap:.15rem .7rem;align-items:center">'
            f'<span aria-hidden="true" style="width:2.2rem;border-top:4px {style} {colour}"></span>'
            f"<strong>{escape(str(run['name']))}</strong>{link if url.startswith('http') else ''}</div>"
        )


def runs_behind(entry: Json, card: Json) -> list[Json]:
    """The runs that exist in this MLflow, the first one first; the last is the one that made the version.

    A bundle that was trained elsewhere names runs of that place; their copies here say which they were.

    Raises:
        ApiError: the API or MLflow does not answer.
    """
    wanted = _runs_before(card.get("training") or {})
    found = _runs(client().base_url)["runs"] if wanted else []
    ids = [
        run["run_id"]
        for original in wanted
        for run in found
        if original in (run["run_id"], (run.get("tags") or {}).get("replayed_from"))
    ]
    own = [str(entry["run_id"])] if entry.get("run_id") else []
    return [_run(client().base_url, run_id) for run_id in dict.fromkeys([*ids, *own])]


def _runs_before(training: Json) -> list[str]:
    """Ids of the runs that led to the weights which a run began with, the first one first.

    A card names the last of them first, and in its words the one before.
    """
    return _RUN.findall(str(training.get("initialisation") or ""))[::-1]


def joined_curves(runs: list[Json], metric: str, colour: str) -> list[tuple[str, str, list[int], list[float], str]]:
    """Lines of one metric, each run's epochs counted on from the one before: (name, colour, epochs, values, dash)."""
    lines, before = [], 0
    for run, dash in zip(runs, cycle(DASHES), strict=False):
        points = [p for p in run["history"].get(metric, []) if p["value"] is not None]
        if points:
            steps = [before + p["step"] for p in points]
            lines.append((str(run["name"]), colour, steps, [p["value"] for p in points], dash))
            before = steps[-1]
    return lines


@st.cache_data(ttl=60, max_entries=4, show_spinner=False)
def _runs(base_url: str) -> Json:
    return client().runs(limit=_SEARCHED)


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _run(base_url: str, run_id: str) -> Any:
    return client().run(run_id)
