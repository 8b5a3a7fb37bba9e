"""The pictures behind the numbers, the worst first; one is open: photo, truth and predictions as layers."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.evaluate.charts import picture_dots
from front.evaluate.text import percent
from front.evaluate.wanted import (
    SLICE,
    Cell,
    in_order,
    open_picture,
    opened,
    pixels_in,
    slices_of,
    want_all,
    wanted_cell,
)
from front.ui.names import as_text, shorten
from front.ui.palette import class_table
from front.viewer.canvas import Layer
from front.viewer.scored import show_scored

_LAYER_BYTES = 20 * 10**6
_A_PAGE = 6
_WIDTH = 168  # pixels of a small picture: six beside each other on a wide screen, two on a phone


@dataclass(frozen=True)
class _Order:
    """A way to sort: what it is called, its number of a picture, how that is written, and what it means."""

    title: str
    measure: Callable[[Json], float | None]
    form: Callable[[float | None], str]
    means: str


def show_pictures(job: Json, result: Json, titles: list[str]) -> None:
    """The section of the page."""
    st.subheader("Worst pictures", anchor=False)
    with st.container(key="pictures"):
        order = _choose_order(titles)
        found = slices_of(result)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            part = None
            if found:
                if st.session_state.get(SLICE) not in found:
                    st.session_state[SLICE] = None
                part = st.selectbox("Only pictures of", list(found), placeholder="All pictures", key=SLICE, width=320)
            cell = wanted_cell(job["id"])
            if cell is not None:
                names = [as_text(cls["name"]) for cls in result["classes"]]
                st.badge(
                    f"{names[cell.truth]} seen as {names[cell.seen]} by {as_text(titles[cell.model])}",
                    icon=":material/filter_alt:",
                )
            if cell is not None or part is not None:
                st.button("Show all pictures", icon=":material/filter_alt_off:", on_click=want_all)
        shown = in_order(result["pictures"], order.measure, cell, found.get(part) if part else None)
        if not shown:
            st.info("No picture has a pixel there.", icon=":material/image_search:")
            return
        current = opened(shown)
        _gallery(job, shown, order, cell, current)
        _open(job, result, titles, current)
        _every_picture(shown, order)


def _choose_order(titles: list[str]) -> _Order:
    orders: list[_Order] = []
    for place, title in enumerate(titles):
        of = f", {title}" if len(titles) > 1 else ""
        orders.append(
            _Order(f"Wrong pixels{of}", _measure(place, "error_share"), percent, "labelled pixels that are wrong")
        )
        orders.append(
            _Order(
                f"Sure and wrong{of}",
                _measure(place, "log_loss"),
                lambda value: "—" if value is None else f"{value:.2f}",
                "log loss of the model's confidence: high where it is sure and wrong",
            )
        )
    if len(titles) > 1:
        orders.append(
            _Order("Models differ", lambda one: one["disagreement"], percent, "pixels on which the models differ")
        )
    by_title = {order.title: order for order in orders}
    chosen = st.segmented_control(
        "Sorted by",
        list(by_title),
        default=orders[0].title,
        required=True,
        key="evaluation_order",
    )
    return by_title[chosen]


def _measure(place: int, name: str) -> Callable[[Json], float | None]:
    def measure(one: Json) -> float | None:
        value: float | None = one["scores"][place][name]
        return value

    return measure


def _gallery(job: Json, shown: list[Json], order: _Order, cell: Cell | None, current: Json) -> None:
    pages = -(-len(shown) // _A_PAGE)
    means = order.means if cell is None else "labelled pixels in this cell"
    first = 0
    if pages > 1:
        first = int(st.session_state.get("evaluation_page", 1)) - 1
        first = min(first, pages - 1)
    with st.container(horizontal=True):
        for one in shown[first * _A_PAGE : (first + 1) * _A_PAGE]:
            with st.container(width=_WIDTH, gap="xsmall"):
                said = order.form(order.measure(one))
                if cell is not None:
                    said = percent(pixels_in(one, cell) / max(1, one["labelled"]))
                st.image(
                    _layer(job, one["number"], "thumb.jpg"),
                    width="stretch",
                    alt=f"Photo {one['name']}: {said} {means}.",
                )
                is_open = one["number"] == current["number"]
                st.button(
                    said,
                    key=f"open-{one['number']}",
                    type="primary" if is_open else "secondary",
                    on_click=open_picture,
                    args=(one["number"],),
                    width="stretch",
                    help=f"Open {as_text(one['name'])}",
                )
                st.caption(as_text(shorten(one["name"], 20)))
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.number_input("Page", 1, pages, key="evaluation_page", width=140, label_visibility="collapsed")
            st.caption(f"of {pages} pages, {len(shown)} pictures; the number: {means}.", width="content")


def _open(job: Json, result: Json, titles: list[str], one: Json) -> None:
    """One picture in the viewer."""
    photo = _layer(job, one["number"], "photo.jpg")
    classes = class_table(result, safe=page.safe_palette())
    layers = [Layer("Truth", _layer(job, one["number"], "truth.png"), classes, f"The label of {one['name']}.")]
    for place, (title, letter) in enumerate(zip(titles, "ab", strict=False)):
        scores = one["scores"][place]
        wrong = percent(scores["error_share"])
        layers.append(
            Layer(
                title,
                _layer(job, one["number"], f"{letter}.png"),
                classes,
                f"{title} is wrong on {wrong} of the labelled pixels.",
                note=f"{wrong} wrong, mIoU {percent(scores['miou'])}",
            )
        )
    facts = [as_text(one["name"]), f"{one['width']} × {one['height']} pixels", f"brightness {one['brightness']:.2f}"]
    facts += [f"{as_text(title)} {as_text(value)}" for title, value in one["columns"].items()]
    st.caption(" · ".join(facts))
    size = (one["width"], one["height"])
    show_scored(photo, one["name"], size, layers, ["overlay", "pair", "wipe", "layers"], key="evaluation-viewer")


def _every_picture(shown: list[Json], order: _Order) -> None:
    """A dot a picture; pressing one opens it."""
    points = [(one["brightness"], order.measure(one), one["name"]) for one in shown]
    if len(points) < 3:
        return
    with st.expander(f"All {len(points)} pictures as a chart", icon=":material/scatter_plot:"):

        def choose() -> None:
            picked = st.session_state["evaluation-dots"]["selection"]["point_indices"]
            if picked:
                open_picture(shown[picked[0]]["number"])

        page.chart(
            picture_dots(points, order.title, in_percent=order.form is percent),
            key="evaluation-dots",
            alt=f"A dot for each of {len(points)} pictures: {order.means} against brightness.",
            on_select=choose,
        )
        st.caption("Press a dot to open its picture above.")


@st.cache_data(ttl=600, max_entries=96, show_spinner=False)
def _file(base_url: str, path: str, finished: float) -> bytes:
    return client().job_file(path, most_bytes=_LAYER_BYTES)


def _layer(job: Json, number: int, layer: str) -> bytes:
    """One layer of a picture.

    Raises:
        ApiError: the call brought no result.
    """
    data = _file(client().base_url, f"/jobs/{job['id']}/{number:06d}-{layer}", job["kept_until"])
    if not data.startswith((b"\xff\xd8", b"\x89PNG")):
        raise ApiError("broken", "A picture is none; the dashboard and the API must be of the same release.")
    return data
