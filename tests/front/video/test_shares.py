"""Class shares over time: read, thinned out, compared."""

import numpy as np
import pytest

from front.video.shares import Moment, difference_over_time, moments, read_shares, thin_out
from tests.front.fake_jobs import shares_csv


def test_the_table_of_the_api_is_read_as_it_stands() -> None:
    shares = read_shares(b"frame,seconds,road,sky\n0,0.000,0.25,0.75\n2,0.080,0.5,0.5\n")
    assert shares.names == ("road", "sky")
    assert shares.frames.tolist() == [0, 2]
    assert shares.seconds.tolist() == [0.0, 0.08]
    assert shares.values.tolist() == [[0.25, 0.75], [0.5, 0.5]]


@pytest.mark.parametrize("table", [b"a,b\n1,2\n", b"frame,seconds,road\n", b"frame,seconds,road\n1,2,x\n"])
def test_what_is_no_such_table_is_an_error(table: bytes) -> None:
    with pytest.raises(ValueError, match=r"row|convert"):
        read_shares(table)


def test_a_long_clip_is_thinned_to_means_of_stretches() -> None:
    rows = "".join(f"{i},{i / 10},{i % 2}\n" for i in range(1000))
    shares = read_shares(f"frame,seconds,road\n{rows}".encode())
    seconds, values = thin_out(shares, 100)
    assert seconds.tolist() == pytest.approx(list(range(100)))
    assert values.ravel().tolist() == [0.5] * 100
    assert thin_out(shares, 1000)[1] is shares.values


def test_models_differ_by_what_must_have_changed_class() -> None:
    a = read_shares(b"frame,seconds,road,sky\n0,0,0.5,0.5\n1,0.1,0.5,0.5\n2,0.2,1,0\n")
    b = read_shares(b"frame,seconds,sky,road,tree\n1,0.1,0.25,0.5,0.25\n2,0.2,1,0,0\n")
    seconds, shares = difference_over_time(a, b)
    assert seconds.tolist() == [0.1, 0.2]
    assert shares.tolist() == [0.25, 1.0]


def test_moments_are_the_largest_and_not_all_of_one_place() -> None:
    seconds = np.arange(100) / 10
    shares = np.zeros(100)
    shares[50:53] = 0.3, 0.4, 0.35
    shares[10] = 0.2
    assert moments(seconds, shares) == [Moment(5.1, 0.4), Moment(1.0, 0.2)]
    assert moments(seconds, np.zeros(100)) == []
    assert moments(np.zeros(0), np.zeros(0)) == []


def test_two_models_of_the_stand_in_differ_where_it_says() -> None:
    seconds, shares = difference_over_time(*(read_shares(shares_csv(m)) for m in ("deeplabv3plus", "segformer")))
    (moment,) = moments(seconds, shares)
    assert (moment.seconds, moment.share) == (3.0, pytest.approx(0.25))
