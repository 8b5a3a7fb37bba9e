"""About this model: its card, for those who decide whether they may and should use it."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from front import page
from front.about.facts import show_facts
from front.about.familiarity import show_familiarity
from front.about.training import show_curves, show_origin, show_training
from front.api.client import Json
from front.api.models import all_models, detail_of
from front.api.waiting import guard
from front.ui.names import dataset_name, display_name
from front.ui.palette import class_table, css

_LONG = 100  # characters of a build argument: whole configurations of imported networks stand in the card alone


def main() -> None:
    page.header("About this model", "What a model is, where it comes from, and what it is not for.")
    with guard("about"):
        entries = all_models()
        page.watch_models(entries)
        names = [entry["name"] for entry in entries]
        name = st.pills(
            "Model",
            names,
            default=names[0],
            required=True,
            format_func=display_name,
            key="about_model",
            persist_state="session",
            label_visibility="collapsed",
        )
        entry = next(e for e in entries if e["name"] == name)
        detail = detail_of(entry)
    card = detail.get("card")
    if entry.get("ready") and entry.get("error"):  # an older version answers; `all_models` says the other cases
        st.warning(str(entry["error"]), icon=":material/warning:")
    if card is None:
        st.info(
            "The API has not read this model's card yet." if entry.get("loading") else "There is no card to show."
        )
        return
    _summary(entry, card)
    left, right = st.columns(2, gap="medium")
    with left:
        show_origin(entry, card)
        show_training(entry, card)
    with right:
        _input(card)
        _calibration(card.get("calibration"))
        show_familiarity(card.get("familiarity"))
        _classes(class_table(card["taxonomy"], safe=page.safe_palette()), card["taxonomy"]["id"])
        _carries(card)
        _robustness(card)
    show_curves(entry, card, page.colours_of_models()[name])
    _files(entry, card)


def _summary(entry: Json, card: Json) -> None:
    st.subheader(display_name(card["name"]), anchor=False)
    with st.container(horizontal=True):
        st.badge(f"version {entry['version']}", color="gray")
        if entry.get("alias"):
            st.badge(str(entry["alias"]), icon=":material/verified:", color="green")
        engine = entry.get("engine")
        if engine:
            st.badge(
                f"{engine['name']} {engine['precision']}",
                icon=":material/memory:",
                color="gray",
                help=engine["reason"],
            )
    st.markdown(escape(card["description"]))
    metrics = card.get("metrics")
    with st.container(horizontal=True):
        if metrics:
            st.metric("mIoU", f"{100 * metrics['miou']:.1f} %", border=True, width=150)
            st.metric("Pixel accuracy", f"{100 * metrics['pixel_accuracy']:.1f} %", border=True, width=150)
        st.metric("Parameters", f"{card['parameters'] / 1e6:.2f} M", border=True, width=150)
        if card.get("multiply_adds"):
            st.metric("Multiply-adds", f"{card['multiply_adds'] / 1e9:.1f} G", border=True, width=150)
        if entry.get("file_size_bytes"):
            st.metric("File", f"{entry['file_size_bytes'] / 1e6:.1f} MB", border=True, width=150)
    if metrics:
        st.caption(
            f"Measured on {dataset_name(metrics['dataset'])} {metrics['split']}, {metrics['images']} images, "
            f"with {metrics['engine']}, through the runtime that serves it."
        )
    st.warning(f"**Limits.** {escape(card['limits'])}", icon=":material/warning:")


def _input(card: Json) -> None:
    contract = card["input"]
    st.subheader("What it takes", anchor=False)
    fixed = contract.get("fixed_size")
    size = f"{fixed[1]} × {fixed[0]} pixels" if fixed else f"about {contract['pixel_budget']:,} pixels, aspect kept"
    if not fixed and contract.get("photo_share"):
        size += f"; large photos to {contract['photo_share']:.0%} of theirs, {contract['most_pixels']:,} at most"
    show_facts(
        {
            "Photo is resized to": size,
            "Filter": contract["resize_filter"],
            "Padded to multiples of": contract["stride"],
            "One score every": f"{contract['score_stride']} pixels",
            "Mean (RGB)": ", ".join(f"{v:.3f}" for v in contract["mean"]),
            "Standard deviation (RGB)": ", ".join(f"{v:.3f}" for v in contract["std"]),
        },
        "Input contract",
    )


def _calibration(calibration: Json | None) -> None:
    st.subheader("How sure it may be", anchor=False)
    if calibration is None:
        st.caption("Its confidence was not calibrated on labelled photos, so it may be surer than it should.")
        return
    before, after = calibration["ece"]
    photos = f"{dataset_name(calibration['dataset'])} {calibration['split']}"
    show_facts(
        {
            "Temperature": f"{calibration['temperature']:g}",
            "Fitted on": f"{photos}, {calibration['images']} images",
            "Calibration error without it": f"{before:.2%}",
            "With that of the other half of the images": f"{after:.2%}",
            "Half of its mistakes are below": f"{calibration['unsure_below']:.0%}",
            "Pixels below that": f"{calibration['unsure_share']:.1%}",
        },
        "Calibration",
    )


def _classes(classes: list[dict[str, Any]], taxonomy: str) -> None:
    st.subheader(f"Classes: {taxonomy}", anchor=False)
    chips = "".join(
        '<li style="display:flex;align-items:center;gap:.45rem">'
        '<span aria-hidden="true" style="width:.95rem;height:.95rem;border-radius:.25rem;'
        f'background:{css(c["color"])};box-shadow:inset 0 0 0 1px rgb(128 128 128/65%)"></span>'
        f"{escape(c['name'])}</li>"
        for c in classes
    )
    st.html(
        f'<ul style="list-style:none;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:.4rem 1.1rem">{chips}</ul>'
    )


def _carries(card: Json) -> None:
    carries: dict[str, float] = card.get("carries") or {}
    if not carries:
        return
    st.subheader("How far it carries", anchor=False)
    metrics = card.get("metrics") or {}
    own = {f"{dataset_name(metrics['dataset'])} {metrics['split']}": metrics["miou"]} if metrics else {}
    scores = own | carries
    st.dataframe(
        pd.DataFrame({"Pictures": scores.keys(), "mIoU": [100 * value for value in scores.values()]}),
        hide_index=True,
        column_config={"mIoU": st.column_config.NumberColumn(format="%.1f %%")},
        alt="Table of mIoU on pictures of other kinds than those of training.",
    )
    st.caption("Photos of yours are other streets and another camera: expect the lower numbers, not the first one.")


def _robustness(card: Json) -> None:
    lost: dict[str, float] = card.get("robustness") or {}
    if not lost:
        return
    st.subheader("Robustness", anchor=False)
    st.dataframe(
        pd.DataFrame({"What was done to it": lost.keys(), "mIoU lost": lost.values()}).sort_values(
            "mIoU lost", ascending=False
        ),
        hide_index=True,
        column_config={"mIoU lost": st.column_config.NumberColumn(format="%.1f points")},
        alt="Table of mIoU lost under each perturbation.",
    )


def _files(entry: Json, card: Json) -> None:
    with st.expander("Files and their sha256"):
        st.dataframe(
            pd.DataFrame(sorted(card["files"].items()), columns=["File", "sha256"]),
            hide_index=True,
            alt="Table of the bundle's files and their sha256.",
        )
    build = ", ".join(f"{name} {value}" for name, value in card["build"].items() if len(str(value)) < _LONG)
    st.caption(escape(f"Architecture {card['architecture']}" + (f", built with {build}." if build else ".")))


main()
