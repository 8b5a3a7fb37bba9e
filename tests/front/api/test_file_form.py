"""A clip on its way to the API."""

import io

from front.api.client import ApiClient
from front.api.file_form import FileForm
from tests.front.fake_api import FakeApi


def test_a_form_is_as_long_as_it_says_and_can_be_sent_twice() -> None:
    form = FileForm("clip", "clip", io.BytesIO(bytes(3_000_000)))
    pieces = list(form)
    assert sum(map(len, pieces)) == len(form)
    assert max(map(len, pieces)) <= 1 << 20
    assert list(form) == pieces


def test_the_clip_arrives_byte_for_byte(api: FakeApi) -> None:
    clip = b"--\r\n" + bytes(range(256)) * 9000
    ApiClient(api.url).start_clip(
        io.BytesIO(clip), model="segformer", every=1, smooth=False, opacity=0.5, classes="none"
    )
    assert api.clips.clips == [clip]
