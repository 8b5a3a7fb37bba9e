"""The prediction cache: one call a photo, fresh answers after a reload, bounded memory."""

import pytest

from front.api import predictions
from front.api.client import ApiClient
from front.api.comparison import LabelScore, side_by_side
from front.api.errors import ApiError
from front.api.predictions import (
    ModelRef,
    PredictionCache,
    against_label,
    cached_answers,
    compare,
    footprint,
    label_values,
    segment,
)
from front.compare.who_is_right import as_png
from front.photos.album import Photo, read_photo
from front.photos.label_files import LabelFile
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of


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
    assert cached_answers(cache, other, refs) == {}


def label_of(photo: Photo, model: str = "segformer") -> LabelFile:
    """A label that says what a model says."""
    return LabelFile.of("label.png", as_png(labels_of(photo.data, model)))


def test_a_label_is_sent_once_and_brings_the_class_maps(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    label = label_of(photo)
    judged = against_label(client, cache, photo, refs, label, "street8")
    assert judged.scores["segformer"].pixel_accuracy == 1
    assert against_label(client, cache, photo, refs[::-1], label, "street8") is judged
    segment(client, cache, photo, refs)
    compare(client, cache, photo, *refs)
    assert api.count("/compare") == 1


def test_comparing_what_was_segmented_sends_nothing_in_either_order(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    a, b = refs_of(client)
    answers = segment(client, cache, photo, (a, b))
    of_a, of_b = (labels_of(photo.data, ref.name) for ref in (a, b))
    forth, back = compare(client, cache, photo, a, b), compare(client, cache, photo, b, a)
    assert forth[:2] == back[1::-1] == tuple(answers.values())
    assert forth[2].share == back[2].share == (of_a == of_b).mean()
    assert forth[2].matrix == [[int(((of_a == i) & (of_b == j)).sum()) for j in range(8)] for i in range(8)]
    assert forth[2].matrix == [list(row) for row in zip(*back[2].matrix, strict=True)]
    assert api.count("/compare") == 1


def test_models_that_were_segmented_apart_are_compared_in_one_more_call(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    a, b = refs_of(client)
    segment(client, cache, photo, [a])
    segment(client, cache, photo, [b])
    assert compare(client, cache, photo, a, b)[2].matrix
    assert compare(client, cache, photo, b, a)[2].matrix
    assert api.count("/compare") == 3


def test_the_values_of_a_label_are_asked_for_once_and_of_a_broken_one_there_are_none(
    api: FakeApi, photo: Photo
) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    for data, expected in ((as_png(labels_of(photo.data, "segformer")), [0, 1, 2, 6]), (b"hello", None)):
        label = LabelFile.of("label.png", data)
        values = label_values(client, cache, label)
        assert label_values(client, cache, label) == values
        assert values == {} if expected is None else set(expected) <= set(values["street8"])
    assert api.count("/labels") == 2
    api.mode = "proxied"
    with pytest.raises(ApiError):
        label_values(client, cache, LabelFile.of("label.png", b"another"))


def test_another_label_or_another_meaning_of_its_values_is_asked_for(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    for label, source in (
        (label_of(photo), "street8"),
        (label_of(photo, "deeplabv3plus"), "street8"),
        (label_of(photo), "cityscapes19"),
    ):
        against_label(client, cache, photo, refs, label, source)
    assert api.count("/compare") == 3


def test_an_answer_without_the_label_s_scores_is_an_error(
    api: FakeApi, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    bare = client.compare(photo.data, models=[ref.name for ref in refs])
    monkeypatch.setattr(client, "compare", lambda *_, **__: bare)
    with pytest.raises(ApiError, match="without the label's scores"):
        against_label(client, cache, photo, refs, label_of(photo), "street8")


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
    kilobyte = bytes(1000)
    cache = PredictionCache(max_bytes=2500)
    cache.put(("a",), kilobyte)
    cache.put(("b",), kilobyte)
    assert cache.get(("a",)) == kilobyte
    cache.put(("c",), kilobyte)
    assert [cache.get((k,)) is not None for k in "abc"] == [True, False, True]
    cache.put(("a",), b"small")  # replacing frees the old size
    cache.put(("d",), kilobyte)
    assert [cache.get((k,)) is not None for k in "acd"] == [True, True, True]


def test_one_answer_larger_than_the_cache_is_still_kept_for_its_page() -> None:
    cache = PredictionCache(max_bytes=10)
    cache.put(("big",), bytes(1000))
    assert cache.get(("big",)) == bytes(1000)
    assert predictions.CACHE_BYTES < 400 * 2**20


def test_everything_that_an_entry_holds_counts(api: FakeApi, photo: Photo) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    judged = against_label(client, cache, photo, refs, label_of(photo, "deeplabv3plus"), "street8")
    numbers = sum(8 * len(row) for score in judged.scores.values() for row in score.matrix)
    assert footprint(judged) > len(judged.outcomes.map_png) + numbers


def test_scores_of_two_class_sets_stand_side_by_side_in_the_coarser_alone() -> None:
    def score(taxonomy: str, counted: dict[str, object] | None, *classes: str) -> LabelScore:
        return LabelScore(0.1, 0.2, dict.fromkeys(classes, 0.1), [], taxonomy, counted)

    coarse = {"taxonomy": "coarse", "miou": 0.5, "pixel_accuracy": 0.6, "class_iou": {"ground": 0.5}}
    pair = side_by_side(score("fine", coarse, "a", "b"), score("coarse", coarse, "ground"))
    assert pair is not None
    assert [(one.taxonomy, one.miou, dict(one.class_iou)) for one in pair] == [("coarse", 0.5, {"ground": 0.5})] * 2
    assert side_by_side(score("fine", None, "a"), score("other", None, "b")) is None
    same = score("fine", None, "a"), score("fine", None, "a")
    assert side_by_side(*same) == same
