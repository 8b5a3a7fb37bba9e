import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pytest

from back.runtime.card import CARD_FILE, EARLIER_RUNS, HISTORY_FILE, ONNX_FILE, BundleError, read_card, sha256_of
from back.runtime.errors import UserError
from modelisation.registry.bundled import FOLDER
from modelisation.registry.mlflow_store import experiment_id
from modelisation.registry.mlmodel import mlmodel_of
from modelisation.registry.story import final_scores
from modelisation.registry.versions import register_bundle, resolve_model, run_of
from tests.api import Store, empty_database, store
from tests.bundles import make_bundle, rewrite_card

__all__ = ["empty_database", "store"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, name="segformer", miou=0.5)


def test_bundle_becomes_a_version_with_alias_and_tags(store: Store, bundle: Path) -> None:
    registered = register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    version = store.client.get_model_version_by_alias("segformer", "champion")
    assert (registered.name, registered.version, registered.created) == ("segformer", str(version.version), True)
    assert version.run_id == registered.run_id
    card = read_card(bundle)
    assert version.tags["sha256"] == card.files[ONNX_FILE]
    assert (version.tags["taxonomy"], version.tags["miou"]) == ("street8", "0.5000")


def test_history_is_replayed_into_the_run(store: Store, bundle: Path) -> None:
    registered = register_bundle(bundle, tracking_uri=store.uri)
    history = json.loads((bundle / HISTORY_FILE).read_text(encoding="utf-8"))
    run = store.client.get_run(registered.run_id)
    assert (run.info.start_time, run.info.end_time) == (history["start_time"], history["end_time"])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "segformer")
    assert run.data.params == history["params"]
    assert run.data.tags["replayed_from"] == history["run_id"]
    assert set(run.data.metrics) == {*history["metrics"], *final_scores(read_card(bundle).metrics.model_dump())}
    for key, points in history["metrics"].items():
        logged = store.client.get_metric_history(registered.run_id, key)
        assert [[m.step, m.value, m.timestamp] for m in logged] == points


def test_long_history_is_replayed_whole(store: Store, bundle: Path) -> None:
    history = json.loads((bundle / HISTORY_FILE).read_text(encoding="utf-8"))
    history["metrics"] = {"train_loss": [[i, i / 7, 1_700_000_000_000 + i] for i in range(1701)]}
    history["params"] = {f"p{i}": "x" * 7000 for i in range(120)}
    (bundle / HISTORY_FILE).write_text(json.dumps(history), encoding="utf-8")
    _accept_changed_history(bundle)
    registered = register_bundle(bundle, tracking_uri=store.uri)
    assert len(store.client.get_metric_history(registered.run_id, "train_loss")) == 1701
    assert len(store.client.get_run(registered.run_id).data.params) == 120


def test_earlier_runs_are_replayed_once_each_as_runs_of_their_own(store: Store, bundle: Path) -> None:
    earlier = json.loads((bundle / HISTORY_FILE).read_text(encoding="utf-8")) | {"run_id": "e" * 32}
    earlier["metrics"] = {"val_miou": [[1, 0.25, 1_700_000_000_000]]}
    (bundle / EARLIER_RUNS).mkdir()
    (bundle / EARLIER_RUNS / f"{'e' * 32}.json").write_text(json.dumps(earlier), encoding="utf-8")
    registered = register_bundle(bundle, tracking_uri=store.uri)
    register_bundle(bundle, tracking_uri=store.uri)
    experiment = experiment_id(store.client, "streetseg")
    (run,) = store.client.search_runs([experiment], f"tags.replayed_from = '{'e' * 32}'")
    assert run.info.run_id != registered.run_id
    assert (run.info.run_name, run.data.metrics) == ("segformer, the run before", {"val_miou": 0.25})
    assert len(store.client.search_runs([experiment])) == 2


@pytest.mark.parametrize(
    ("name", "epochs"), [("deeplabv3plus", [8, 16]), ("segformer", [6, 3, 4, 5, 20, 28, 12, 9, 3, 20])]
)
def test_a_bundled_model_has_the_runs_that_its_weights_began_with(name: str, epochs: list[int]) -> None:
    bundle = FOLDER / name
    training = read_card(bundle).training
    assert training is not None
    before = re.findall(r"run (\w+), (\d+) steps", str(training.initialisation))
    assert sum(int(steps) for _, steps in before) == training.steps_before
    histories = [json.loads((bundle / EARLIER_RUNS / f"{run}.json").read_text(encoding="utf-8")) for run, _ in before]
    assert [history["run_id"] for history in histories] == [run for run, _ in before]
    assert [len(history["metrics"]["val_miou"]) for history in histories] == epochs


def test_same_bundle_is_registered_once_and_its_alias_moves(store: Store, bundle: Path) -> None:
    first = register_bundle(bundle, tracking_uri=store.uri, alias="candidate")
    again = register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    assert (again.version, again.run_id, again.created) == (first.version, first.run_id, False)
    assert len(store.client.search_model_versions("name='segformer'")) == 1
    assert str(store.client.get_model_version_by_alias("segformer", "champion").version) == first.version


def test_a_bundle_whose_files_are_gone_from_mlflow_is_registered_anew(store: Store, bundle: Path) -> None:
    first = register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    source = store.client.get_model_version("segformer", first.version).source
    shutil.rmtree(source.removeprefix("file://"))
    again = register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    assert (again.version, again.created) == ("2", True)
    assert (resolve_model("models:/segformer@champion", tracking_uri=store.uri) / ONNX_FILE).is_file()


def test_a_deleted_experiment_is_said_with_the_command_that_brings_it_back(store: Store, bundle: Path) -> None:
    experiment = experiment_id(store.client, "streetseg")
    store.client.delete_experiment(experiment)
    with pytest.raises(UserError, match=f"is deleted; bring it back.* restore --experiment-id {experiment}"):
        register_bundle(bundle, tracking_uri=store.uri)


def test_bundle_that_was_evaluated_again_is_a_new_version(store: Store, bundle: Path) -> None:
    first = register_bundle(bundle, tracking_uri=store.uri)
    rewrite_card(bundle, limits="Evaluated again.")
    second = register_bundle(bundle, tracking_uri=store.uri)
    assert (first.version, second.version) == ("1", "2")


def test_run_that_trained_it_keeps_its_own_record(store: Store, bundle: Path) -> None:
    run = store.client.create_run(experiment_id(store.client, "streetseg"), run_name="trained")
    registered = register_bundle(bundle, tracking_uri=store.uri, run_id=run.info.run_id)
    assert registered.run_id == run.info.run_id
    logged = store.client.get_run(run.info.run_id).data
    assert logged.params == {}
    assert logged.metrics == final_scores(read_card(bundle).metrics.model_dump())


def test_second_version_of_a_run_leaves_the_first_as_it_was(store: Store, bundle: Path) -> None:
    first = register_bundle(bundle, tracking_uri=store.uri)
    card = read_card(bundle)
    rewrite_card(bundle, limits="Evaluated again.")
    second = register_bundle(bundle, tracking_uri=store.uri, run_id=first.run_id)
    assert (second.version, second.run_id) == ("2", first.run_id)
    folder = resolve_model("models:/segformer/1", tracking_uri=store.uri, cache_dir=store.folder / "cache")
    assert read_card(folder) == card
    folder = resolve_model("models:/segformer/2", tracking_uri=store.uri, cache_dir=store.folder / "cache")
    assert read_card(folder).limits == "Evaluated again."


def test_run_of_a_registered_model_is_found_by_version_and_alias(store: Store, bundle: Path) -> None:
    registered = register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    for uri in ("models:/segformer@champion", "models:/segformer/1"):
        assert run_of(uri, tracking_uri=store.uri) == registered.run_id
    assert run_of(bundle) is None


def test_tampered_bundle_is_not_registered(store: Store, bundle: Path) -> None:
    (bundle / ONNX_FILE).write_bytes(b"")
    with pytest.raises(BundleError, match="does not match the card's sha256"):
        register_bundle(bundle, tracking_uri=store.uri)
    assert list(store.client.search_registered_models()) == []


def test_stray_files_in_a_bundle_are_named_and_those_of_systems_stay_out(store: Store, bundle: Path) -> None:
    (bundle / "notes.txt").write_text("private", encoding="utf-8")
    with pytest.raises(BundleError, match=r"notes\.txt: the card does not list it"):
        register_bundle(bundle, tracking_uri=store.uri)
    (bundle / "notes.txt").rename(bundle / ".notes.txt")
    registered = register_bundle(bundle, tracking_uri=store.uri)
    version = store.client.get_model_version(registered.name, registered.version)
    stored = Path(version.source.removeprefix("file://"))
    assert {path.name for path in stored.iterdir()} == {CARD_FILE, "MLmodel", *read_card(bundle).files}


def test_mlflows_own_loaders_open_what_was_registered(store: Store, bundle: Path) -> None:
    register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    folder = resolve_model("models:/segformer@champion", tracking_uri=store.uri, cache_dir=store.folder / "cache")
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert loaded.metadata.signature.inputs.to_dict() == [
        {"type": "tensor", "name": "image", "tensor-spec": {"dtype": "float32", "shape": (-1, 3, -1, -1)}}
    ]
    assert loaded.metadata.signature.outputs.inputs[0].shape == (-1, 8, -1, -1)
    for height, width in ((64, 96), (32, 32)):
        scores = loaded.predict(np.zeros((1, 3, height, width), np.float32))["scores"]
        assert scores.shape == (1, 8, height // 4, width // 4)
    assert mlflow.onnx.load_model(str(folder)).graph.input[0].name == "image"


def test_signature_of_a_fixed_size_names_it(tmp_path: Path) -> None:
    card = read_card(make_bundle(tmp_path, fixed_size=(64, 128), score_stride=8))
    content = mlmodel_of(card, run_id="r", onnx_bytes=5, created=datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(content["signature"]["inputs"])[0]["tensor-spec"]["shape"] == [-1, 3, 64, 128]
    assert json.loads(content["signature"]["outputs"])[0]["tensor-spec"]["shape"] == [-1, 8, 8, 16]
    assert content["utc_time_created"] == "2026-01-02 00:00:00.000000"


def test_resolve_takes_a_folder_a_version_or_an_alias(store: Store, bundle: Path) -> None:
    register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    assert resolve_model(bundle) == bundle
    for uri in ("models:/segformer@champion", "models:/segformer/1"):
        folder = resolve_model(uri, tracking_uri=store.uri, cache_dir=store.folder / "cache")
        assert read_card(folder) == read_card(bundle)


@pytest.mark.parametrize("uri", ["models:/unet@champion", "models:/segformer/9", "models:/segformer@gone"])
def test_resolve_says_what_mlflow_does_not_hold(store: Store, bundle: Path, uri: str) -> None:
    register_bundle(bundle, tracking_uri=store.uri)
    with pytest.raises(UserError, match="its UI lists the models") as caught:
        resolve_model(uri, tracking_uri=store.uri, cache_dir=store.folder / "cache")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["models:/segformer", "models:segformer/1", "models:/a/b/c", "models:/m@a@b"])
def test_resolve_says_how_to_write_a_name(uri: str) -> None:
    with pytest.raises(UserError, match="write models:/name@alias or models:/name/3"):
        resolve_model(uri)


def test_resolve_of_a_missing_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file"):
        resolve_model(tmp_path / "nothing")


def test_mlflow_that_does_not_answer_is_one_sentence(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError) as caught:
        register_bundle(bundle, tracking_uri="http://127.0.0.1:9")
    assert str(caught.value) == (
        "MLflow at http://127.0.0.1:9 does not answer; start it (make demo does) or set MLFLOW_TRACKING_URI"
    )


@pytest.mark.parametrize("history", ["{}", "[", '{"metrics": {"train_loss": [[0, "much", 1]]}}', "null"])
def test_broken_history_is_named_before_anything_is_written(store: Store, bundle: Path, history: str) -> None:
    (bundle / HISTORY_FILE).write_text(history, encoding="utf-8")
    _accept_changed_history(bundle)
    with pytest.raises(BundleError, match="no training history"):
        register_bundle(bundle, tracking_uri=store.uri)
    assert list(store.client.search_runs([experiment_id(store.client, "streetseg")])) == []


def test_run_whose_replay_breaks_off_is_marked_failed(
    store: Store, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", gone)
    with pytest.raises(ConnectionError):
        register_bundle(bundle, tracking_uri=store.uri)
    (run,) = store.client.search_runs([experiment_id(store.client, "streetseg")])
    assert run.info.status == "FAILED"


def _accept_changed_history(bundle: Path) -> None:
    """Let the card vouch for history.json as it is now."""
    files = read_card(bundle).files | {HISTORY_FILE: sha256_of(bundle / HISTORY_FILE)}
    rewrite_card(bundle, files=files)


def test_a_champion_must_have_passed_the_parity_gate(store: Store, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, parity=False)
    with pytest.raises(BundleError, match="carries no parity report; run"):
        register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    assert register_bundle(bundle, tracking_uri=store.uri, alias="candidate").version == "1"
