"""Image by image: how a model's scores spread, and its worst images, as pictures where there are any."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd
import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import has_pictures
from front.api.waiting import client
from front.api.watched import EVALUATION
from front.benchmark import charts as benchmark_charts
from front.benchmark import numbers
from front.benchmark.opened import is_open, open_image, show_open
from front.ui.names import as_text, display_name, shorten

WORST = 5
_WIDTH = 168  # pixels of a picture: all five beside each other on a wide screen, two on a phone

Images = Sequence[tuple[str, float]]


def image_by_image(entries: Mapping[str, Json], evaluations: Mapping[str, Any], colours: Mapping[str, str]) -> None:
    """The spread of the images' scores by model, and the worst of each; `entries` as `/models` lists them."""
    spread = {name: numbers.image_scores(evaluation) for name, evaluation in evaluations.items()}
    spread = {name: images for name, images in spread.items() if images}
    if not spread:
        return
    st.subheader("Image by image", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        page.chart(
            benchmark_charts.score_spread(spread, colours),
            key="spread",
            alt="Spread of the mIoU of single images. " + " ".join(map(_sentence, spread, spread.values())),
        )
        st.caption("A dot is one image; the box holds the middle half of them.")
    with right:
        _table(spread)
        st.caption(f"The {WORST} worst images of each model.")
    if has_pictures():
        for name, images in spread.items():
            _pictures(entries[name], str(evaluations[name].get("split", "")), worst(images))
        _go_where_evaluated()


def worst(images: Images) -> list[tuple[str, float]]:
    """The images with the lowest scores, lowest first."""
    return sorted(images, key=lambda item: item[1])[:WORST]


def _sentence(model: str, images: Images) -> str:
    values = [100 * score for _, score in images]
    return f"{display_name(model)}: {min(values):.0f} to {max(values):.0f} %, half above {median(values):.0f} %."


def _table(spread: Mapping[str, Images]) -> None:
    rows = [
        {"Model": display_name(name), "Image": image, "mIoU": 100 * score}
        for name, images in spread.items()
        for image, score in worst(images)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"mIoU": st.column_config.NumberColumn(format="%.1f %%")},
        alt=f"Table of the {WORST} images with the lowest mIoU for each model.",
    )


@st.cache_data(ttl=3600, max_entries=200, show_spinner=False)
def _picture(base_url: str, model: str, image: str) -> bytes:
    return client().image(model, image)


def _pictures(entry: Json, split: str, images: Images) -> None:
    """Pictures of a model's worst images, of which one may be open; without any the names stand alone."""
    model = entry["name"]
    try:
        found = [(image, score, _picture(client().base_url, model, image)) for image, score in images]
    except ApiError as error:
        st.caption(f"No pictures for {display_name(model)}: {error.advice}")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{display_name(model)}**", width="content")
        st.button(
            "Evaluate all of the split",
            icon=":material/fact_check:",
            key=f"open-{model}",
            on_click=_evaluate,
            args=(model, split),
            help="On the page Evaluate: the data set beside the API is scored anew, and every picture opens there.",
        )
    with st.container(horizontal=True):
        for image, score, jpeg in found:
            with st.container(width=_WIDTH, gap="xsmall"):
                st.image(
                    jpeg,
                    caption=f"{shorten(image)}: {100 * score:.1f} %",
                    width="stretch",
                    alt=f"Photo {image}, on which {display_name(model)} reaches {100 * score:.1f} % mIoU.",
                )
                st.button(
                    "Close" if is_open(model, image) else "Open",
                    key=f"open-{model}-{image}",
                    type="primary" if is_open(model, image) else "secondary",
                    on_click=open_image,
                    args=(model, image),
                    width="stretch",
                    help=f"{as_text(image)} with its truth and what {display_name(model)} sees",
                )
    show_open(entry, dict(images))


def _evaluate(model: str, split: str) -> None:
    """Hold an evaluation of the model's split; the page's next run leads to it, or says why there is none."""
    try:
        job = client().hold_evaluation(None, folder=".", model=model, split=split or None)
    except ApiError as error:
        st.session_state["benchmark_evaluation"] = error
        return
    EVALUATION.watch([job["id"]])
    st.session_state["benchmark_evaluation"] = job["id"]


def _go_where_evaluated() -> None:
    found = st.session_state.pop("benchmark_evaluation", None)
    if isinstance(found, ApiError):
        st.error(f"It cannot be opened: {as_text(found.advice_for_a_press)}", icon=":material/folder_off:")
    elif found is not None:
        st.switch_page("evaluate/view.py", query_params={EVALUATION.parameter: found})
