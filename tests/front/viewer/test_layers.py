"""What the viewer is given of a model's answer."""

import io

from PIL import Image

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import read_photo
from front.viewer.layers import layer_of
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi


def test_a_layer_tells_those_who_cannot_see_it_what_it_shows(api: FakeApi) -> None:
    client = ApiClient(api.url)
    photo = read_photo("a.jpg", jpeg(200, 4000))
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    layer = layer_of(segment(client, PredictionCache(), photo, refs)["segformer"], [])
    assert layer.alt.startswith("SegFormer sees ")
    assert "sky 28%" in layer.alt
    assert Image.open(io.BytesIO(layer.map_png)).size == (1600, 80)
