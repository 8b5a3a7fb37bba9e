"""The API as a Ray Serve deployment: its one file, and a replica on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from back.main import create_app
from back.settings import PREFIX, Settings
from tests.api import PHOTO, Store, new_store, serving
from tests.on_ray_serve import read_serve_file, serving_on_ray


def test_the_file_is_one_that_ray_serve_reads_and_its_settings_exist() -> None:
    from ray.serve.schema import ServeDeploySchema

    file = read_serve_file()
    ServeDeploySchema.model_validate(file)
    (application,) = file["applications"]
    (deployment,) = application["deployments"]
    assert (application["import_path"], deployment["name"]) == ("back.ray_serve:app", "API")
    settings = application["runtime_env"]["env_vars"]
    assert set(settings) <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert settings["STREETSEG_THREADS"] == str(deployment["ray_actor_options"]["num_cpus"])
    assert settings["STREETSEG_MAX_JOBS"] == "0"
    assert deployment["max_queued_requests"] == Settings.model_fields["max_queue"].default
    scaling = deployment["autoscaling_config"]
    assert 1 < scaling["target_ongoing_requests"] < deployment["max_ongoing_requests"]
    assert 1 <= scaling["min_replicas"] < scaling["max_replicas"]
    assert file["http_options"]["host"] == "127.0.0.1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Store:
    store = new_store(tmp_path_factory.mktemp("serve") / "store", empty_database)
    store.add("segformer")
    return store


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    settings = {
        "STREETSEG_MLFLOW_TRACKING_URI": store.uri,
        "STREETSEG_CACHE_DIR": str(store.folder / "cache"),
        "STREETSEG_PRECISION": "fp32",
    }
    with serving_on_ray(settings) as url:
        yield url


@pytest.mark.timeout(600)
def test_it_answers_as_the_api_does_from_its_first_request_on(url: str, store: Store) -> None:
    """One test, since a cluster costs seconds."""
    mask = requests.post(f"{url}/predict?output=classes", files={"image": PHOTO}, timeout=60)
    assert mask.status_code == 200, mask.text  # it was ready before anything was sent to it
    assert (mask.headers["X-Model"], mask.headers["X-Model-Version"]) == ("segformer", "1")
    with serving(create_app(store.settings())) as client:
        assert mask.content == client.post("/predict?output=classes", files={"image": PHOTO}).content
    assert requests.get(f"{url}/readyz", timeout=30).json()["models"] == ["segformer"]
    refused = requests.post(f"{url}/predict", files={"image": b"no photo"}, timeout=30)
    assert (refused.status_code, refused.headers["Content-Type"]) == (415, "application/problem+json")
    large = requests.post(f"{url}/predict", data=bytes(33_000_000), timeout=60)
    assert (large.status_code, large.headers["Content-Type"]) == (413, "application/problem+json")
    assert requests.post(f"{url}/videos", files={"clip": b"x"}, timeout=30).status_code == 404
