"""The HTTP client: what it sends, what it makes of answers, and a sentence for every failure."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from front.api.client import ApiClient
from front.api.errors import ApiError, error_of
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of, png_of


@pytest.fixture
def client(api: FakeApi) -> ApiClient:
    return ApiClient(api.url)


def test_it_takes_its_address_from_the_environment(api: FakeApi) -> None:
    assert ApiClient.from_environment().base_url == api.url


def test_it_sends_its_key_where_it_has_one(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    sent: list[dict[str, str]] = []
    real = requests.request

    def request(*arguments: object, **options: object) -> requests.Response:
        sent.append(options["headers"])  # type: ignore[arg-type]
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests, "request", request)
    ApiClient.from_environment().models()
    monkeypatch.setenv("STREETSEG_API_KEY", "streetseg_key\n")
    ApiClient.from_environment().models()
    assert sent == [{}, {"X-API-Key": "streetseg_key"}]


def test_an_api_that_asks_for_a_key_says_where_the_dashboard_takes_it_from() -> None:
    error = error_of(401, {}, '{"detail": "This API asks for a key; send one as X-API-Key."}')
    assert error.kind == "locked"
    assert "STREETSEG_API_KEY" in error.advice


def test_no_text_of_the_api_is_a_picture(api: FakeApi, client: ApiClient) -> None:
    real = api.answer
    api.answer = lambda *a: real(*a) | {"text": ["![x](https://elsewhere.example/x.png)"]}  # type: ignore[method-assign]
    assert "![" not in client.models()["text"][0]
    assert "![" not in error_of(500, {}, '{"detail": "![x](https://elsewhere.example/x.png)"}').advice


def test_compare_sends_one_photo_for_all_models_and_decodes_the_class_maps(api: FakeApi, client: ApiClient) -> None:
    photo = jpeg()
    answer = client.compare(photo, models=["deeplabv3plus", "segformer"])
    assert api.calls == ["/compare?models=deeplabv3plus%2Csegformer&output=classes"]
    assert [s.model for s in answer.segmentations] == ["deeplabv3plus", "segformer"]
    for s in answer.segmentations:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(s.classes_png))), labels_of(photo, s.model))
        assert sum(s.class_shares.values()) == pytest.approx(1)
    assert answer.label is None


def test_compare_with_a_label_names_its_taxonomy(api: FakeApi, client: ApiClient) -> None:
    photo = jpeg()
    label = io.BytesIO()
    Image.fromarray(labels_of(photo, "segformer")).save(label, "PNG")
    models = ["deeplabv3plus", "segformer"]
    answer = client.compare(photo, models=models, label=label.getvalue(), label_taxonomy="street8")
    assert "label_taxonomy=street8" in api.calls[0]
    assert answer.label is not None
    assert answer.label.scores["segformer"].pixel_accuracy == 1
    assert sum(answer.label.outcomes.pixels) == answer.segmentations[0].width * answer.segmentations[0].height


@pytest.mark.parametrize("output", ["mask", "overlay", "classes"])
def test_predict_returns_the_api_s_bytes(client: ApiClient, output: str) -> None:
    photo = jpeg()
    png = client.predict_png(photo, model="segformer", output=output, opacity=0.3)  # type: ignore[arg-type]
    assert png == png_of(labels_of(photo, "segformer"), output, photo, 0.3)


def test_a_picture_of_an_evaluated_image_is_a_jpeg_or_rejected(api: FakeApi, client: ApiClient) -> None:
    api.pictures = {"scene_000": jpeg()}
    assert client.image("segformer", "scene_000") == jpeg()
    with pytest.raises(ApiError, match="holds no picture") as caught:
        client.image("segformer", "scene_001")
    assert caught.value.kind == "rejected"


def test_reading_models_runs_and_classes(client: ApiClient) -> None:
    assert [m["name"] for m in client.models()["models"]] == ["deeplabv3plus", "segformer"]
    assert client.model("segformer")["card"]["name"] == "segformer"
    assert client.classes("segformer")["id"] == "street8"
    assert client.differences("deeplabv3plus", "segformer")["mean"]["difference"] > 0
    assert client.runs()["runs"][0]["run_id"] == "run-deeplabv3plus"
    assert "val_miou" in client.run("run-segformer")["history"]
    assert client.ready() == ["deeplabv3plus", "segformer"]


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("starting", "starting", "are being loaded"),
        ("empty", "unserved", "holds no model; register one"),
        ("cut_off", "mlflow", "MLflow at http://mlflow:5000 does not answer"),
        ("busy", "overloaded", "64 photos are being worked on or wait; .* asks to wait 1 s"),
        ("limited", "overloaded", "more requests to work on .* asks to wait 1 s"),
        ("proxied", "down", "A proxy answers 502 .* Start the API"),
        ("error", "failed", "engine failed"),
        ("broken", "broken", "no usable JSON"),
    ],
)
def test_each_failure_says_what_it_is(api: FakeApi, client: ApiClient, mode: str, kind: str, words: str) -> None:
    api.mode = mode  # type: ignore[assignment]
    with pytest.raises(ApiError, match=words) as caught:
        client.compare(jpeg(), models=["segformer"])
    assert caught.value.kind == kind
    assert caught.value.passing
    waits = {"overloaded": 1, "starting": 5, "unserved": 5, "mlflow": 5}
    assert caught.value.retry_after == waits.get(kind)


@pytest.mark.parametrize("mode", ["adrift", "cut_off"])
def test_runs_without_mlflow_are_not_called_a_busy_api(api: FakeApi, client: ApiClient, mode: str) -> None:
    api.mode = mode  # type: ignore[assignment]
    with pytest.raises(
        ApiError, match=r"cannot read from MLflow: MLflow at .* Predictions are not affected"
    ) as caught:
        client.runs()
    assert (caught.value.kind, caught.value.retry_after) == ("mlflow", 10)


def test_an_older_api_s_503_keeps_its_sentence(api: FakeApi, client: ApiClient) -> None:
    api.answer = lambda *_: (503, "The disk is full.")  # type: ignore[method-assign]
    with pytest.raises(ApiError, match="met an error: The disk is full") as caught:
        client.models()
    assert caught.value.kind == "failed"


def test_a_server_that_is_not_there_is_down() -> None:
    with FakeApi() as gone:
        url = gone.url
    with pytest.raises(ApiError, match="Nothing answers at") as caught:
        ApiClient(url).models()
    assert caught.value.kind == "down"


def test_an_answer_that_takes_too_long_is_slow(api: FakeApi) -> None:
    api.delay_s = 1.0
    with pytest.raises(ApiError, match=r"no answer within 0.2 s") as caught:
        ApiClient(api.url, read_s=0.2).models()
    assert caught.value.kind == "slow"


def test_a_frozen_api_is_said_to_be_so_with_the_time_that_was_waited(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("front.api.client.READY_SECONDS", 0.2)
    api.delay_s = 1.0
    with pytest.raises(
        ApiError, match=r"/readyz gave no answer within 0\.2 s\. It listens, but does not answer"
    ) as caught:
        ApiClient(api.url).ready()
    assert "smaller photo" not in caught.value.advice


def test_a_file_that_is_no_image_is_rejected_in_the_api_s_words(client: ApiClient) -> None:
    with pytest.raises(ApiError, match="no JPEG, PNG, WEBP, HEIC or AVIF") as caught:
        client.compare(b"not an image", models=["segformer"])
    assert (caught.value.kind, caught.value.status, caught.value.passing) == ("rejected", 415, False)
    assert caught.value.of_photo


def test_a_model_that_is_not_served_any_more_is_gone_wherever_it_is_asked_for(client: ApiClient) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.compare(jpeg(), models=["segformer", "unet"]),
        lambda: client.predict_png(jpeg(), model="unet", output="mask"),
        lambda: client.model("unet"),
    ]
    for call in calls:
        with pytest.raises(ApiError, match=r"There is no model unet.* goes on without it") as caught:
            call()
        assert (caught.value.kind, caught.value.passing, caught.value.of_photo) == ("gone", True, False)


@pytest.mark.parametrize(("status", "of_photo"), [(400, True), (413, True), (415, True), (403, False), (422, False)])
def test_only_some_refusals_lie_in_the_photo(api: FakeApi, client: ApiClient, status: int, of_photo: bool) -> None:
    api.answer = lambda *_: (status, "No.")  # type: ignore[method-assign]
    with pytest.raises(ApiError) as caught:
        client.compare(jpeg(), models=["segformer"])
    assert (caught.value.kind, caught.value.of_photo) == ("rejected", of_photo)


def test_an_address_that_is_none_says_which_setting_to_check() -> None:
    with pytest.raises(ApiError, match="STREETSEG_API_URL"):
        ApiClient("nowhere").models()


def test_another_server_s_json_is_not_taken_for_an_answer(api: FakeApi, client: ApiClient) -> None:
    api.answer = lambda *_: {"hello": "world"}  # type: ignore[method-assign]
    with pytest.raises(ApiError, match="same release"):
        client.models()
    with pytest.raises(ApiError, match="same release"):
        client.compare(jpeg(), models=["segformer"])
    with pytest.raises(ApiError, match="no PNG"):
        client.predict_png(jpeg(), model="segformer", output="mask")


def test_the_dashboard_talks_http_in_this_client_alone() -> None:
    front = Path(__file__).resolve().parents[3] / "front"
    talkers = [p.name for p in front.rglob("*.py") if "import requests" in p.read_text(encoding="utf-8")]
    assert sorted(talkers) == ["client.py", "http.py"]
