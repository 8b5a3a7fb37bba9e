"""Waiting for the API: how long, and for what to change."""

from front.api.errors import ApiError
from front.api.waiting import fingerprint, wait_before
from tests.front.fake_api import loading_entry_of
from tests.front.fake_records import entry_of


def test_a_busy_api_is_left_alone_for_the_time_it_asked() -> None:
    busy = ApiError("overloaded", "", retry_after=7)
    assert wait_before(busy, 1) == 7
    assert wait_before(ApiError("overloaded", ""), 1) == 3


def test_an_error_that_stays_is_tried_ever_more_rarely() -> None:
    waits = [wait_before(ApiError("failed", ""), n) for n in range(1, 8)]
    assert waits == [5, 10, 20, 40, 60, 60, 60]


def test_an_mlflow_that_is_away_is_asked_for_ever_more_rarely() -> None:
    assert [wait_before(ApiError("mlflow", "", retry_after=10), n) for n in (1, 2, 6)] == [10, 10, 60]


def test_a_server_that_is_down_is_looked_for_often() -> None:
    assert {wait_before(ApiError("down", ""), n) for n in (1, 5, 50)} == {2}


def test_a_list_of_models_changes_when_one_is_ready_or_fails_or_is_replaced() -> None:
    before = [entry_of("deeplabv3plus", "1"), loading_entry_of("segformer")]
    same = [entry_of("deeplabv3plus", "1"), loading_entry_of("segformer")]
    assert fingerprint(before) == fingerprint(same)
    for second in (entry_of("segformer", "1"), loading_entry_of("segformer") | {"error": "cannot be served"}):
        assert fingerprint(before) != fingerprint([before[0], second])
    assert fingerprint(before) != fingerprint([entry_of("deeplabv3plus", "2"), before[1]])
