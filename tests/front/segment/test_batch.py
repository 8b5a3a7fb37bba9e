"""The batch: which photos are still to be sent."""

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import read_photo
from front.segment.batch import waiting
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi


def test_waiting_lists_photos_that_lack_a_model(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    done, todo = read_photo("a.jpg", jpeg(seed=1)), read_photo("b.jpg", jpeg(seed=2))
    segment(client, cache, done, refs)
    segment(client, cache, todo, refs[:1])
    assert waiting(cache, [done, todo], refs) == [todo]
