"""A bundled model answers over HTTP as its card says: masks of a whole split, scored against the labels."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from back.main import create_app
from back.runtime.card import REPORT_FILE, read_card
from back.runtime.scores.confusion import confusion_matrix
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.metrics import scores_of
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.registry.versions import register_bundle
from modelisation.scenes.writer import write_scenes
from tests.api import empty_database, listening, new_store, trusted, wait_until

__all__ = ["empty_database", "trusted"]
CAMVID = Path(__file__).resolve().parents[4] / "shared" / "camvid"
POINTS = 0.003
BUNDLES = find_bundles(FOLDER)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    store = new_store(tmp_path_factory.mktemp("cards") / "store", empty_database)
    for bundle in BUNDLES:
        register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    with listening(create_app(store.settings(precision="auto"))) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).ok, "the API to be ready", 120)
        wait_until(lambda: len(requests.get(f"{url}/readyz", timeout=5).json()["models"]) == len(BUNDLES), "all", 120)
        yield url


def confusion_over_http(url: str, model: str, dataset: SegmentationDataset, photos: Sequence[int]) -> np.ndarray:
    classes = len(dataset.taxonomy.classes)
    total = np.zeros((classes, classes), np.int64)
    with requests.Session() as session:
        for index in photos:
            answer = session.post(
                f"{url}/predict",
                params={"model": model, "output": "classes"},
                files={"image": dataset.items[index].image.read_bytes()},
                timeout=60,
            )
            assert answer.status_code == 200, answer.text
            with Image.open(io.BytesIO(answer.content)) as mask:
                assert mask.mode == "L"
                total += confusion_matrix(dataset[index].label, np.asarray(mask), classes)
    return total


@pytest.mark.slow
@pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not beside the project (../shared/camvid)")
def test_camvid_val_over_http_gives_what_the_card_and_its_report_say(api):
    """Each model labels its share of the photos, together every one; the report holds a matrix for each."""
    val = open_dataset(CAMVID, "val")
    for share, bundle in enumerate(BUNDLES):
        card = read_card(bundle)
        assert card.metrics.split_sha256 == val.split_sha256
        of_photos = json.loads((bundle / REPORT_FILE).read_bytes())["evaluation"]["per_image"]
        assert [photo["name"] for photo in of_photos] == [item.name for item in val.items]
        matrices = np.array([photo["confusion_matrix"] for photo in of_photos])
        assert scores_of(matrices.sum(0), val.taxonomy)["miou_8"] == pytest.approx(card.metrics.miou_8, abs=1e-9)
        photos = range(share, len(val), len(BUNDLES))
        served = scores_of(confusion_over_http(api, card.name, val, photos), val.taxonomy)
        reported = scores_of(matrices[photos].sum(0), val.taxonomy)
        assert served["miou_8"] == pytest.approx(reported["miou_8"], abs=POINTS)


def test_rendered_scenes_over_http_give_what_evaluate_gives(api, tmp_path):
    write_scenes(tmp_path, {"val": 4}, 180, 240, 5, None)
    val = open_dataset(tmp_path, "val")
    for bundle in BUNDLES:
        expected = evaluate(bundle, val, EvaluationOptions(latency_runs=0))["miou_8"]
        served = scores_of(confusion_over_http(api, read_card(bundle).name, val, range(len(val))), val.taxonomy)
        assert served["miou_8"] == pytest.approx(expected, abs=POINTS)


def test_the_bundled_models_fit_in_the_tree():
    assert sum(f.stat().st_size for f in FOLDER.rglob("*") if f.is_file()) < 90e6
    assert {bundle.name for bundle in BUNDLES} == {"deeplabv3plus", "mask2former", "segformer"}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda p: p.name)
def test_a_bundled_card_is_honest_about_its_origin(bundle):
    card = read_card(bundle)
    assert card.training.split == "train"
    assert card.metrics.split == "val"
    assert card.training.split_sha256 != card.metrics.split_sha256
    assert "non-commercial" in card.training.data_licence
    assert card.training.wall_time_s > 0
    assert card.limits
