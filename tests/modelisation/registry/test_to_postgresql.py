"""From SQLite and a folder to PostgreSQL and S3, and everything on the new store: train, register, promote, serve.

The MLflow server is that of the image, with nothing but environment variables changed.
"""

import multiprocessing
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import mlflow
import pytest
import requests
from sqlalchemy import create_engine, text

from back.main import create_app
from back.runtime.card import HISTORY_FILE, ONNX_FILE, read_card, sha256_of
from back.runtime.errors import UserError
from back.settings import Settings
from modelisation.registry import to_postgresql
from modelisation.registry.bucket import make_bucket
from modelisation.registry.moved import PLACES
from modelisation.registry.register import register_champion, register_run
from modelisation.registry.versions import register_bundle, resolve_model
from modelisation.training.tracking import Tracker
from tests.api import PHOTO, Store, new_store, serving, trusted, wait_until
from tests.bundles import make_bundle, rewrite_card
from tests.postgresql import Postgres, postgresql
from tests.s3 import s3_server
from tests.test_dockerfiles import DOCKERFILES, build
from tests.test_dockerfiles import serving as running

__all__ = ["trusted"]

BUCKET = "models"
DESTINATION = f"s3://{BUCKET}/mlflow"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        assert make_bucket(DESTINATION) == BUCKET
        assert make_bucket(DESTINATION) is None
        yield address


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Store:
    """The default store, with what people have in it: versions, aliases, tags, a deleted run."""
    store = new_store(tmp_path_factory.mktemp("old") / "store", empty_database)
    store.add("segformer", miou=0.7)
    store.add("segformer", alias="candidate", bias=0.5)
    client = store.client
    client.set_model_version_tag("segformer", "2", "asked by", "Zoë")
    client.delete_run(client.create_run("1", run_name="a try").info.run_id)
    return store


@pytest.fixture(scope="module")
def target(postgres: Postgres) -> str:
    """The address of a database; the first who uses it finds it empty."""
    return postgres.new_database()


@pytest.fixture(scope="module")
def moved(old: Store, target: str, s3: str) -> str:
    """The address of the database that it was moved to, on the second try: one file had arrived."""
    before = _content(old.folder)
    onnx = _onnx(old)
    boto3.client("s3").upload_file(str(old.folder / "artifacts" / onnx), BUCKET, f"mlflow/{onnx}")
    told = _move(old, target, DESTINATION)
    assert told == 0
    assert _content(old.folder) == before
    return target


@pytest.fixture(scope="module")
def server(moved: str, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    image = build(DOCKERFILES[0], tmp_path_factory.mktemp("image"))
    address = f"127.0.0.1:{image.environment['PORT']}"
    aws = {"AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    changed = {"MLFLOW_BACKEND_STORE_URI": moved, "MLFLOW_ARTIFACTS_DESTINATION": DESTINATION}
    with running(image, MLFLOW_SERVER_ALLOWED_HOSTS=address, **changed, **aws) as process:
        wait_until(lambda: _answers(f"http://{address}/health") or process.poll() is not None, "MLflow", 200)
        assert process.poll() is None, (image.app.parent / "log").read_text(encoding="utf-8")
        yield f"http://{address}"


def _move(store: Store, target: str, destination: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_BACKEND_STORE_URI", target)
        patch.setenv("MLFLOW_ARTIFACTS_DESTINATION", destination)
        return to_postgresql.main([str(store.folder / "mlflow.db")])


def _onnx(store: Store) -> Path:
    artifacts = store.folder / "artifacts"
    return min(artifacts.rglob(ONNX_FILE)).relative_to(artifacts)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_another_file_in_the_place_of_one_is_left_alone_and_nothing_is_copied(
    old: Store, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / _onnx(old)
    mine.parent.mkdir(parents=True)
    mine.write_bytes(content := bytes((old.folder / "artifacts" / _onnx(old)).stat().st_size))  # as long as the other
    assert _move(old, target, str(tmp_path)) == 2
    assert f"{tmp_path}/{_onnx(old)} is another file than" in capsys.readouterr().err
    assert _content(tmp_path) == {str(mine): content}


def test_a_database_in_use_is_refused(
    old: Store, moved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _move(old, moved, str(tmp_path)) == 2
    assert "the new database is in use: it holds" in capsys.readouterr().err
    assert not _content(tmp_path)


def test_every_row_is_there_and_every_place_is_the_server_s(moved: str, old: Store) -> None:
    new = create_engine(moved)
    files = {path.relative_to(old.folder / "artifacts") for path in (old.folder / "artifacts").rglob("*.*")}
    keys = {entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert {f"mlflow/{file}" for file in files} <= keys
    with new.connect() as rows, sqlite3.connect(old.folder / "mlflow.db") as before:
        tables = [row[0] for row in before.execute("select name from sqlite_master where type = 'table'")]
        counts = {table: before.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}
        assert counts == {table: rows.execute(text(f"select count(*) from {table}")).scalar() for table in tables}
        for table, columns in PLACES.items():
            for column in columns:
                places = rows.execute(text(f"select {column} from {table}")).scalars()
                assert all(place is None or place.startswith("mlflow-artifacts:/") for place in places), table
    new.dispose()


def test_eight_processes_that_register_at_once_lose_nothing(server: str, tmp_path: Path) -> None:
    bundles = [make_bundle(tmp_path / str(n), name="many", bias=n) for n in range(8)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["modelisation.registry.versions", "mlflow.artifacts"])
    register = partial(register_bundle, tracking_uri=server, experiment="many at once")
    with context.Pool(8) as pool:
        made = pool.map(register, bundles, chunksize=1)
    assert sorted(version.version for version in made) == sorted(str(n) for n in range(1, 9))
    client = mlflow.MlflowClient(server, server)
    versions = {version.version: version for version in client.search_model_versions("name='many'")}
    assert {(v.version, v.run_id) for v in versions.values()} == {(m.version, m.run_id) for m in made}
    wanted = Counter(read_card(bundle).files[ONNX_FILE] for bundle in bundles)
    assert Counter(version.tags["sha256"] for version in versions.values()) == wanted
    for version in versions:
        found = resolve_model(f"models:/many/{version}", tracking_uri=server, cache_dir=tmp_path / "cache")
        assert read_card(found).files[ONNX_FILE] == versions[version].tags["sha256"]
    assert client.get_model_version_by_alias("many", "candidate").version in versions


def test_a_trained_model_is_registered_promoted_served_and_exchanged(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    bundle = make_bundle(tmp_path, name="nearest-colour")
    with Tracker(tmp_path, "nearest-colour", {"epochs": 2}, {"taxonomy": "street8"}) as tracker:
        for epoch in range(2):
            tracker.log_epoch(epoch, {"train_loss": 1 / (1 + epoch)})
        tracker.log_text("epochs: 2", "recipe.yaml")
    history = bundle / HISTORY_FILE
    shutil.copy(tmp_path / HISTORY_FILE, history)
    rewrite_card(bundle, files=read_card(bundle).files | {HISTORY_FILE: sha256_of(history)})
    register_run(bundle)
    assert "Registered nearest-colour version 1 as candidate" in capsys.readouterr().out
    candidate = resolve_model("models:/nearest-colour@candidate", cache_dir=tmp_path / "bundles")
    register_champion(candidate, "models:/nearest-colour@candidate")
    client = mlflow.MlflowClient(server, server)
    champion = client.get_model_version_by_alias("nearest-colour", "champion")
    run = client.get_run(tracker.run_id)
    assert (champion.run_id, run.info.status) == (tracker.run_id, "FINISHED")
    assert [m.value for m in client.get_metric_history(run.info.run_id, "train_loss")] == [1.0, 0.5]
    assert "recipe.yaml" in {file.path for file in client.list_artifacts(run.info.run_id)}
    settings = Settings(
        mlflow_tracking_uri=server, cache_dir=tmp_path / "cache", reload_seconds=0.2, precision="fp32"
    )
    with serving(create_app(settings)) as api:

        def version_of(model: str) -> str:
            answer = api.post("/predict", params={"model": model}, files={"image": PHOTO})
            return answer.headers["X-Model-Version"] if answer.status_code == 200 else answer.text

        assert version_of("nearest-colour") == str(champion.version)
        assert version_of("segformer") == "1"  # from before the move
        client.set_registered_model_alias("segformer", "champion", "2")
        wait_until(lambda: version_of("segformer") == "2", "the moved alias")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("", "Set MLFLOW_BACKEND_STORE_URI"),
        ("sqlite:///other.db", "write postgresql://user:password@host/name"),
        (
            "postgresql://mlflow:s3cret@127.0.0.1:9/mlflow",
            "postgresql://mlflow:***@127.0.0.1:9/mlflow cannot be used",
        ),
    ],
)
def test_a_place_that_cannot_be_used_is_one_sentence_without_its_password(
    old: Store, tmp_path: Path, target: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _content(old.folder)
    assert _move(old, target, str(tmp_path / "artifacts")) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "s3cret" not in said
    assert _content(old.folder) == before
    assert not (tmp_path / "artifacts").exists()


def test_a_bucket_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="write s3://bucket/prefix"):
        make_bucket("/data/artifacts")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name, value in {"AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"Could not connect to the endpoint URL.*see AWS_ENDPOINT_URL"):
        make_bucket(DESTINATION)


def test_a_server_s_database_is_no_address_for_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set it to the address of the MLflow server"):
        register_bundle(make_bundle(tmp_path), tracking_uri="postgresql://mlflow:s3cret@127.0.0.1:9/mlflow")
