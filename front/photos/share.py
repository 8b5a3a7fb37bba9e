"""A page that can be passed on: the API keeps the photo and the results, the address holds the rest of the view."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from front.api import predictions
from front.api.client import Json, SharedLabel
from front.api.errors import ApiError
from front.api.models import prediction_cache
from front.api.predictions import ModelRef
from front.api.waiting import client, guard
from front.photos.album import Album, Photo, Share
from front.photos.label_files import LabelFile, kind_key
from front.photos.picture import PhotoError, needs_api
from front.ui.names import as_text, display_name

SHARED = "shared"  # of the address: the API's id
_OF_VIEW = ("view", "opacity", "class")
_SETTINGS = "view_settings"


@dataclass(frozen=True)
class Linking:
    """What the viewer needs so that an address leads to the same view.

    Attributes:
        shared: whether the page has such an address now.
        start: settings that the address asks for: view, opacity, isolated.
        changed: called with the settings when they have changed, where the page is shared.
    """

    shared: bool
    start: Mapping[str, Any]
    changed: Callable[[Any], None]


def open_shared(album: Album) -> None:
    """Take up the photo that the address names, unless it is here already; says so where it is gone."""
    name = st.query_params.get(SHARED)
    if not name or name == st.session_state.get("shared_seen"):
        return
    with guard("shared"):
        try:
            about, data = client().shared(name), client().shared_photo(name)
            photo = album.add(str(about["name"]), data, client().upright(data) if needs_api(data) else None)
            label = _take_label(album, photo, name, about["label"])
            refs = _keep_results(photo, name, label, about["label"])
        except (ApiError, PhotoError) as error:
            if isinstance(error, ApiError) and error.passing:
                raise
            told = "It has been deleted, or its time is over." if isinstance(error, ApiError) else str(error)
            st.session_state["intake_errors"] = [f"The shared photo of this address cannot be shown. {told}"]
            st.session_state["shared_seen"] = name
            _write_address(None, ())
            return
    own = next((one for one in album.shares.values() if one.id == name), None)
    album.shares[photo.sha] = own or Share(
        name, about["created"], about["kept_until"], None, tuple(refs), None if label is None else label.sha
    )
    album.selected = photo.sha
    st.session_state["shared_seen"] = name
    asked = [one for one in st.query_params.get("models", "").split(",") if one] or [ref.name for ref in refs]
    st.session_state["models"] = asked
    st.session_state["model_a"], st.session_state["model_b"] = (asked * 2)[:2]


def _take_label(album: Album, photo: Photo, name: str, told: Json | None) -> LabelFile | None:
    """The label that a shared photo came with, which becomes the photo's unless the visitor gave another one."""
    if told is None:
        return None
    label = LabelFile.of(str(told["name"]), client().shared_label(name))
    if photo.sha not in album.labels:
        album.add_label(photo.sha, label)
        st.session_state[kind_key(label)] = told["taxonomy"]
    return label


def _keep_results(photo: Photo, name: str, label: LabelFile | None, told: Json | None) -> list[ModelRef]:
    """Store what was said of a shared photo, and of its label; the versions that said it."""
    said = client().shared_comparison(name)
    if label is not None and told is not None:
        predictions.keep_against_label(prediction_cache(), photo, label, str(told["taxonomy"]), said)
    return predictions.keep_comparison(prediction_cache(), photo, said)


def refs_of(album: Album, photo: Photo, entries: Sequence[Json]) -> list[ModelRef]:
    """The versions whose results are shown: those that said something of a shared photo, else those served now.

    Raises:
        ApiError: the kept results are not at hand and the call for them brought nothing.
    """
    served = [ModelRef.of(entry) for entry in entries]
    share = album.shares.get(photo.sha)
    if share is None:
        return served
    kept = {ref.name: ref for ref in share.refs}
    refs = [kept.get(ref.name, ref) for ref in served]
    old = [ref for ref, now in zip(refs, served, strict=True) if ref != now]
    if old:
        if len(predictions.cached_answers(prediction_cache(), photo, old)) < len(old):
            label = album.labels.get(photo.sha)
            told = client().shared(share.id)["label"] if label and label.sha == share.label_sha else None
            _keep_results(photo, share.id, label, told)
        names = as_text(", ".join(f"{display_name(ref.name)} version {ref.version}" for ref in old))
        st.caption(f":material/history: As it was shared on {_day(share.created)}: {names}; newer ones serve now.")
    return refs


def linking_of(album: Album, photo: Photo) -> Linking:
    """What the viewer of a page is given."""
    start: dict[str, Any] = {}
    address = st.query_params
    if "view" in address:
        start["view"] = address["view"]
    if address.get("opacity", "").isdecimal():
        start["opacity"] = min(100, int(address["opacity"])) / 100
    if "class" in address:
        start["isolated"] = [name for name in address["class"].split(",") if name]

    def note(settings: Any) -> None:
        st.session_state[_SETTINGS] = settings

    return Linking(photo.sha in album.shares, start, note)


def share_box(album: Album, photo: Photo, refs: Sequence[ModelRef], label_kind: str | None) -> None:
    """Make a link, show it, take it back; the address of the page becomes the link.

    Args:
        label_kind: what the photo's label file is taken for; None where there is none of use.
    """
    label = album.labels.get(photo.sha) if label_kind is not None else None
    share = album.shares.get(photo.sha)
    if share is not None and share.kept_until < time.time():
        share = album.shares.pop(photo.sha, None) and None
    _write_address(share, refs)
    with st.popover("Share", icon=":material/link:"):
        if problem := st.session_state.pop("share_problem", None):
            st.error(problem, icon=":material/link_off:")
        if share is None:
            what = "this photo and these results" if label is None else "this photo, its label and these results"
            st.caption(
                f"The API keeps {what} for a while. Whoever has the link and reaches this "
                "dashboard sees them, and in the photo's file the place and time that the camera wrote into it."
            )
            args = (album, photo, refs, label_kind)
            st.button("Make a link", icon=":material/add_link:", on_click=_share, args=args)
            return
        st.code(_link(), language=None, wrap_lines=True)
        st.caption(f"Kept until {_day(share.kept_until)}. It shows the models, view, opacity and classes of now.")
        if label is not None and label.sha != share.label_sha:
            delete = "" if share.token is None else " Delete what is shared and make a new link to pass it on."
            st.caption(f"The label was given after the link was made, which does not hold it.{delete}")
        if share.token is not None:
            st.button("Delete what is shared", icon=":material/delete:", on_click=_delete, args=(album, photo))


def _share(album: Album, photo: Photo, refs: Sequence[ModelRef], label_kind: str | None) -> None:
    label = album.labels.get(photo.sha) if label_kind is not None else None
    try:
        sent = None if label is None or label_kind is None else SharedLabel(label.name, label.data, label_kind)
        told = client().share(photo.data, photo.name, [f"{ref.name}/{ref.version}" for ref in refs], sent)
    except (ApiError, PhotoError) as error:
        st.session_state["share_problem"] = error.advice_for_a_press if isinstance(error, ApiError) else str(error)
        return
    token = str(told["delete_token"])
    album.shares[photo.sha] = Share(
        str(told["id"]), told["created"], told["kept_until"], token, tuple(refs), None if label is None else label.sha
    )
    st.session_state["shared_seen"] = told["id"]


def _delete(album: Album, photo: Photo) -> None:
    share = album.shares[photo.sha]
    try:
        client().delete_shared(share.id, share.token or "")
    except ApiError as error:
        st.session_state["share_problem"] = error.advice_for_a_press
        return
    del album.shares[photo.sha]


def _write_address(share: Share | None, refs: Sequence[ModelRef]) -> None:
    """Models, view, opacity and class of a shared page; nothing of them where the photo is not shared."""
    wanted: dict[str, str] = {}
    if share is not None:
        wanted = {SHARED: share.id, "models": ",".join(ref.name for ref in refs)}
        settings = st.session_state.get(_SETTINGS) or {}
        if settings:
            wanted |= {"view": str(settings["view"]), "opacity": str(round(100 * settings["opacity"]))}
            if settings["classes"]:
                wanted["class"] = ",".join(map(str, settings["classes"]))
        else:  # the viewer has not spoken yet
            wanted |= {name: st.query_params[name] for name in _OF_VIEW if name in st.query_params}
    for name in (SHARED, "models", *_OF_VIEW):
        if name not in wanted and name in st.query_params:
            del st.query_params[name]
    changed = {name: text for name, text in wanted.items() if st.query_params.get(name) != text}
    if changed:
        st.query_params.update(changed)


def _link() -> str:
    """The page's address without what leads to the visitor's other photos."""
    shown = {name: st.query_params[name] for name in (SHARED, "models", *_OF_VIEW) if name in st.query_params}
    page = (st.context.url or "").partition("?")[0]
    slash = "" if urlsplit(page).path else "/"
    return f"{page}{slash}?{urlencode(shown, safe=',')}"


def _day(seconds: float) -> str:
    return time.strftime("%d %B %Y, %H:%M", time.localtime(seconds))
