"""Uploads: taken once, then let go of; a page that lags behind may name them again."""

import pytest
import streamlit as st
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec

from front.photos.uploads import arrived, let_go


def uploaded(name: str) -> UploadedFile:
    return UploadedFile(UploadedFileRec("id", name, "image/jpeg", b"bytes"), FileURLs())


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, []),
        ([], []),
        (uploaded("a.jpg"), ["a.jpg"]),
        ([uploaded("a.jpg"), DeletedFile("gone"), uploaded("b.jpg")], ["a.jpg", "b.jpg"]),
        (DeletedFile("gone"), []),
    ],
)
def test_only_files_that_are_there_have_arrived(
    monkeypatch: pytest.MonkeyPatch, value: object, names: list[str]
) -> None:
    monkeypatch.setattr(st, "session_state", {"key": value})
    assert [file.name for file in arrived("key")] == names


def test_without_a_page_there_is_nothing_to_let_go_of() -> None:
    let_go([uploaded("a.jpg")])
