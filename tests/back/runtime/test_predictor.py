import base64
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from back.runtime.card import CARD_FILE, ONNX_FILE, WEIGHTS_FILE, BundleError, read_card, sha256_of
from back.runtime.imaging import ImageError, open_photo
from back.runtime.predictor import Predictor
from back.runtime.upsample import ScoresError
from tests.bundles import make_bundle, paint, png_bytes, rewrite_card, stripes

MILLION = 1_000_000


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles"), pixel_budget=64 * 128)


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor.load(bundle)


def rehash(bundle):
    """Make the card's sha256 fit the files again, so that only what the test broke is wrong."""
    files = read_card(bundle).files
    return rewrite_card(bundle, files={name: sha256_of(bundle / name) for name in files})


def change_weights(bundle, change):
    model = onnx.load(bundle / ONNX_FILE)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(change(tensor.name, numpy_helper.to_array(tensor)), tensor.name))
    onnx.save(model, bundle / ONNX_FILE)
    return rehash(bundle)


def halves(height, width, left=0, right=6):
    labels = np.full((height, width), left, np.uint8)
    labels[:, width // 2 :] = right
    return labels


@pytest.mark.parametrize(("height", "width"), [(64, 128), (256, 512), (33, 65), (200, 90), (1, 1), (2, 300)])
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_painted_picture_comes_back_as_its_classes_at_its_own_size(bundle, engine, height, width):
    predictor = Predictor.load(bundle, engine=engine)
    labels = halves(height, width)
    prediction = predictor.predict(png_bytes(paint(labels, predictor.card.taxonomy)), MILLION)
    assert prediction.labels_HW.shape == (height, width)
    # Near the boundary the resized picture mixes two colours into a third, which may be another class's.
    far = np.abs(np.arange(width) - width / 2) >= 0.06 * width
    np.testing.assert_array_equal(prediction.labels_HW[:, far], labels[:, far])


def test_timings_name_every_step(predictor):
    photo = paint(halves(40, 80), predictor.card.taxonomy)
    of_bytes = predictor.predict(png_bytes(photo), MILLION).timings_ms
    assert list(of_bytes) == ["decode", "resize", "infer", "argmax"]
    assert list(predictor.predict_array(photo).timings_ms) == ["resize", "infer", "argmax"]
    assert all(value > 0 for value in of_bytes.values())


def test_bytes_array_and_decoded_photo_give_the_same_labels(predictor):
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    data = png_bytes(image)
    expected = predictor.predict(data, MILLION).labels_HW
    np.testing.assert_array_equal(predictor.predict_array(image).labels_HW, expected)
    np.testing.assert_array_equal(predictor.predict_array(open_photo(data, MILLION)).labels_HW, expected)


def test_a_large_jpeg_is_labelled_at_its_own_size_from_a_smaller_decode(predictor):
    labels = halves(1024, 2048)
    buffer = io.BytesIO()
    Image.fromarray(paint(labels, predictor.card.taxonomy)).save(buffer, "JPEG", quality=95)
    data = buffer.getvalue()
    small = open_photo(data, 4 * MILLION, predictor.needed_size)
    assert small.image.width * 2 <= small.width == 2048
    predicted = predictor.predict(data, 4 * MILLION).labels_HW
    np.testing.assert_array_equal(predicted, predictor.predict_array(small).labels_HW)
    assert (predicted == labels).mean() > 0.98


def test_class_shares_are_fractions_of_all_pixels(predictor):
    shares = predictor.predict_array(paint(halves(64, 128), predictor.card.taxonomy)).class_shares()
    assert set(shares) == set(predictor.card.taxonomy.names)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["road"] == pytest.approx(0.5, abs=0.03)
    assert shares["sky"] == pytest.approx(0.5, abs=0.03)


def test_pixel_budget_overrides_the_cards(bundle, predictor):
    coarse = Predictor.load(bundle, pixel_budget=32 * 64)
    assert (coarse.pixel_budget, predictor.pixel_budget) == (32 * 64, 64 * 128)
    labels = stripes(256, 512, 8)
    photo = paint(labels, predictor.card.taxonomy)
    errors = [float((p.predict_array(photo).labels_HW != labels).mean()) for p in (coarse, predictor)]
    assert errors[0] > errors[1]


def test_many_threads_get_their_own_labels(predictor):
    maps = [halves(50 + i, 60 + 3 * i, i % 8, (i + 3) % 8) for i in range(16)]
    photos = [paint(labels, predictor.card.taxonomy) for labels in maps]
    expected = [predictor.predict_array(photo).labels_HW for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        results = [p.labels_HW for p in pool.map(predictor.predict_array, photos)]
    for result, alone in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, alone)


def test_a_bad_photo_is_an_image_error_and_the_next_one_is_answered(predictor):
    with pytest.raises(ImageError):
        predictor.predict(b"not a photo", MILLION)
    assert predictor.predict_array(np.zeros((8, 8, 3), np.uint8)).labels_HW.shape == (8, 8)


def test_prepared_sizes_are_answered_alike(predictor):
    image = np.random.default_rng(1).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    before = predictor.predict_array(image).labels_HW
    predictor.prepare(64, 128)
    assert (predictor.predict_array(image).labels_HW == before).mean() > 0.99


def test_identity_of_the_loaded_file(bundle, predictor):
    assert predictor.sha256 == sha256_of(bundle / ONNX_FILE)
    assert predictor.card.name == "nearest-colour"


@pytest.mark.parametrize("classes", [2, 3, 19, 40])
def test_any_number_of_classes_loads(tmp_path, classes):
    predictor = Predictor.load(make_bundle(tmp_path, classes=classes), precision="fp32")
    assert len(predictor.card.taxonomy.classes) == classes


def test_a_fixed_size_bundle_takes_photos_of_any_size(tmp_path):
    predictor = Predictor.load(make_bundle(tmp_path, fixed_size=(64, 96)), precision="fp32")
    labels = halves(300, 200)
    result = predictor.predict_array(paint(labels, predictor.card.taxonomy)).labels_HW
    assert (result == labels).mean() > 0.95


@pytest.mark.parametrize("file", [ONNX_FILE, WEIGHTS_FILE])
def test_a_changed_file_is_refused(tmp_path, file):
    bundle = make_bundle(tmp_path)
    with (bundle / file).open("ab") as f:
        f.write(b"\0")
    with pytest.raises(BundleError, match="does not match"):
        Predictor.load(bundle)


def test_a_missing_card_or_network_is_refused(tmp_path):
    with pytest.raises(BundleError, match=CARD_FILE):
        Predictor.load(tmp_path)
    bundle = make_bundle(tmp_path)
    (bundle / ONNX_FILE).unlink()
    for verify in (True, False):
        with pytest.raises(BundleError, match=ONNX_FILE):
            Predictor.load(bundle, verify=verify)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_swapped_channels_fail_the_self_test(tmp_path, engine):
    def swap(name, value):
        return np.ascontiguousarray(value[:, ::-1]) if name == "weight" else value

    bundle = change_weights(make_bundle(tmp_path), swap)
    with pytest.raises(BundleError, match="self-test agrees on"):
        Predictor.load(bundle, engine=engine)


def test_weights_that_are_not_finite_fail_the_self_test(tmp_path):
    bundle = change_weights(make_bundle(tmp_path), lambda name, value: value * np.float32(np.nan))
    with pytest.raises(BundleError, match="NaN"):
        Predictor.load(bundle, precision="fp32")


def test_a_card_with_more_classes_than_the_network_fails_the_self_test(tmp_path):
    bundle = make_bundle(tmp_path, classes=5)
    taxonomy = read_card(bundle).taxonomy.model_dump()
    taxonomy["classes"] = [*taxonomy["classes"], {"id": 5, "name": "extra", "color": (1, 2, 3)}]
    with pytest.raises(BundleError, match="its card promises"):
        Predictor.load(rewrite_card(bundle, taxonomy=taxonomy))


def test_a_wrong_score_stride_fails_the_self_test(tmp_path):
    bundle = make_bundle(tmp_path)
    contract = read_card(bundle).input.model_dump() | {"score_stride": 8}
    with pytest.raises(BundleError, match="its card promises"):
        Predictor.load(rewrite_card(bundle, input=contract))


@pytest.mark.parametrize("broken", ["%%%", base64.b64encode(b"no picture").decode(), ""])
@pytest.mark.parametrize("field", ["image_png", "labels_png"])
def test_a_self_test_that_cannot_be_read_is_refused(tmp_path, field, broken):
    bundle = make_bundle(tmp_path)
    test = read_card(bundle).self_test.model_dump() | {field: broken}
    with pytest.raises(BundleError, match="self-test cannot be read"):
        Predictor.load(rewrite_card(bundle, self_test=test))


def test_auto_precision_leaves_bf16_where_it_fails_the_self_test(tmp_path):
    # Scores that differ by one part in two thousand: bf16, of 8 significant bits, cannot tell them apart.
    def merge(name, value):
        scale = np.float32(2.0**-11)
        if name == "weight":
            return value * scale
        return value * scale + np.float32(1)

    bundle = change_weights(make_bundle(tmp_path), merge)
    predictor = Predictor.load(bundle, engine="openvino")
    if "no native bf16" in predictor.engine.reason:
        pytest.skip("this processor has no bf16 arithmetic")
    assert predictor.engine.precision == "fp32"
    assert "bf16 failed" in predictor.engine.reason
    with pytest.raises(BundleError, match="bf16"):
        Predictor.load(bundle, engine="openvino", precision="bf16")


def test_scores_error_names_model_and_shapes(predictor, monkeypatch):
    monkeypatch.setattr(predictor.engine, "run", lambda image: np.zeros((8, 1, 1), np.float32))
    with pytest.raises(ScoresError, match=r"nearest-colour.*\(8, 1, 1\)"):
        predictor.predict_array(np.zeros((64, 64, 3), np.uint8))
