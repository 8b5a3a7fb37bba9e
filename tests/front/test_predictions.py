"""The prediction cache: one call a photo, fresh answers after a reload, bounded memory."""

import pytest

from front import predictions
from front.api import ApiClient, ApiError
from front.photos import Photo, read_photo
from front.predictions import ModelRef, PredictionCache, cached, compare, segment
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi


@pytest.fixture
def photo() -> Photo:
    return read_photo("a.jpg", jpeg())


def refs_of(client: ApiClient) -> list[ModelRef]:
    return [ModelRef.of(entry) for entry in client.models()["models"]]


def test_a_photo_is_sent_once_for_all_models_and_not_again(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    first = segment(client, cache, photo, refs)
    assert list(first) == ["deeplabv3plus", "segformer"]
    assert segment(client, cache, photo, refs) == first
    assert segment(client, cache, photo, refs[:1]) == {"deeplabv3plus": first["deeplabv3plus"]}
    assert api.count("/compare") == 1


def test_only_the_missing_model_is_asked_for(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    segment(client, cache, photo, refs[:1])
    segment(client, cache, photo, refs)
    assert [c for c in api.calls if c.startswith("/compare")] == [
        "/compare?models=deeplabv3plus&output=classes",
        "/compare?models=segformer&output=classes",
    ]


def test_a_new_version_is_asked_again(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    segment(client, cache, photo, refs_of(client))
    api.version = "2"
    assert segment(client, cache, photo, refs_of(client))["segformer"].version == "2"
    assert api.count("/compare") == 2


def test_another_photo_of_the_same_name_is_another_photo(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    segment(client, cache, photo, refs)
    other = read_photo(photo.name, jpeg(seed=5))
    assert cached(cache, other, refs) == {}


def test_comparing_fills_the_cache_of_segmenting(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    assert compare(client, cache, photo, refs, None) is compare(client, cache, photo, refs, None)
    segment(client, cache, photo, refs)
    assert api.count("/compare") == 1


def test_more_than_eight_models_are_asked_in_several_calls(api: FakeApi, photo: Photo) -> None:
    api.models = tuple(f"model-{i}" for i in range(10))
    client, cache = ApiClient(api.url), PredictionCache()
    assert list(segment(client, cache, photo, refs_of(client))) == list(api.models)
    assert api.count("/compare") == 2


def test_a_failure_is_not_kept(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    api.mode = "busy"
    with pytest.raises(ApiError):
        segment(client, cache, photo, refs)
    api.mode = "ok"
    assert len(segment(client, cache, photo, refs)) == 2


def test_an_answer_that_lacks_a_model_is_an_error(
    api: FakeApi, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    one = client.compare(photo.data, models=["segformer"])
    monkeypatch.setattr(client, "compare", lambda *_, **__: one)
    with pytest.raises(ApiError, match="1 of 2 models"):
        segment(client, cache, photo, refs)


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = PredictionCache(max_bytes=100)
    cache.put(("a",), "A", 40)
    cache.put(("b",), "B", 40)
    assert cache.get(("a",)) == "A"
    cache.put(("c",), "C", 40)
    assert [cache.get((k,)) for k in "abc"] == ["A", None, "C"]
    cache.put(("a",), "A2", 10)  # replacing frees the old size
    cache.put(("d",), "D", 40)
    assert [cache.get((k,)) for k in "acd"] == ["A2", "C", "D"]


def test_one_answer_larger_than_the_cache_is_still_kept_for_its_page() -> None:
    cache = PredictionCache(max_bytes=10)
    cache.put(("big",), "B", 1000)
    assert cache.get(("big",)) == "B"
    assert predictions.CACHE_BYTES < 400 * 2**20
