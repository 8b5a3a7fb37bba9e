"""A store that was moved or copied: noticed before anything is written to the old place, and mended by a command."""

import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest

from back.runtime.errors import UserError
from back.runtime.mlflow_names import EXPERIMENT
from modelisation.registry import moved
from modelisation.registry.mlflow_store import experiment_id
from modelisation.registry.moved import check_database, check_in_place, mend
from modelisation.registry.versions import register_bundle, resolve_model
from tests.bundles import make_bundle, rewrite_card


def uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A bundle, and a store in which it is registered."""
    root = tmp_path_factory.mktemp("moved")
    (root / "store").mkdir()
    shutil.copy(empty_database, root / "store" / "mlflow.db")
    register_bundle(make_bundle(root, name="segformer"), tracking_uri=uri(root / "store"), alias="champion")
    return root


@pytest.fixture
def place(filled: Path, tmp_path: Path) -> Path:
    """A copy whose store says that it lies at `old` (which is not there) and lies at `new`."""
    shutil.copytree(filled, tmp_path / "new")
    old, database = tmp_path / "old" / "store", tmp_path / "new" / "store" / "mlflow.db"
    with sqlite3.connect(database) as connection:
        for table, columns in moved.PLACES.items():
            for column in columns:
                connection.execute(
                    f"update {table} set {column} = replace({column}, ?, ?)",
                    ((filled / "store").as_uri(), old.as_uri()),
                )
    return tmp_path


def again(place: Path) -> Path:
    """The bundle evaluated again, which would be a new version."""
    bundle = place / "new" / "segformer"
    rewrite_card(bundle, limits="Evaluated again.")
    return bundle


def test_registering_in_a_moved_store_is_refused_and_the_old_place_stays_away(place: Path) -> None:
    database = place / "new" / "store" / "mlflow.db"
    with pytest.raises(UserError, match=r"the store has moved.*python -m modelisation\.registry\.moved ") as caught:
        register_bundle(again(place), tracking_uri=uri(database.parent))
    assert str(database) in str(caught.value)
    assert not (place / "old").exists()


def test_the_command_mends_a_moved_store(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = place / "new" / "store"
    assert moved.main([str(store / "mlflow.db")]) == 0
    assert f"places now lie in {store / 'artifacts'}" in capsys.readouterr().out
    assert (store / "mlflow.db.before-move").is_file()
    found = resolve_model("models:/segformer@champion", tracking_uri=uri(store), cache_dir=place / "cache")
    assert (found / "model.onnx").is_file()
    registered = register_bundle(again(place), tracking_uri=uri(store))
    assert registered.version == "2"
    client = mlflow.MlflowClient(uri(store))
    assert client.get_run(registered.run_id).info.artifact_uri.startswith((store / "artifacts").as_uri())
    assert not (place / "old").exists()
    assert moved.main([str(store / "mlflow.db")]) == 0
    assert "right already" in capsys.readouterr().out


def test_mending_twice_keeps_both_copies_of_the_database(place: Path) -> None:
    store = place / "new" / "store"
    assert mend(store / "mlflow.db") > 0
    (place / "newer").mkdir()
    shutil.move(store, place / "newer" / "store")
    assert mend(place / "newer" / "store" / "mlflow.db") > 0
    assert len(list((place / "newer" / "store").glob("mlflow.db.before-move*"))) == 2


def test_a_copy_does_not_write_into_the_store_that_it_came_from(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path / "copy")
    before = sorted((filled / "store").rglob("*"))
    rewrite_card(tmp_path / "copy" / "segformer", limits="Evaluated again.")
    with pytest.raises(UserError, match="the store that this one is a copy of"):
        register_bundle(tmp_path / "copy" / "segformer", tracking_uri=uri(tmp_path / "copy" / "store"))
    assert sorted((filled / "store").rglob("*")) == before
    assert mend(tmp_path / "copy" / "store" / "mlflow.db") > 0
    register_bundle(tmp_path / "copy" / "segformer", tracking_uri=uri(tmp_path / "copy" / "store"))
    assert sorted((filled / "store").rglob("*")) == before


def test_a_store_reached_by_a_link_is_in_its_place(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(filled / "store", target_is_directory=True)
    client = mlflow.MlflowClient(uri(tmp_path / "link"))
    assert experiment_id(client, EXPERIMENT)
    check_database(tmp_path / "link" / "mlflow.db", EXPERIMENT)


def test_artifacts_elsewhere_by_choice_are_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    check_in_place((tmp_path / "big disk").as_uri(), "1", tmp_path / "store" / "mlflow.db")
    for location in ("mlflow-artifacts:/1", "s3://bucket/artifacts/1", "mlruns/1"):
        check_in_place(location, "1", None)
        check_in_place(location, "1", tmp_path / "store" / "mlflow.db")


def test_a_server_whose_folder_is_gone_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    check_in_place((tmp_path / "artifacts" / "1").as_uri(), "1", None)
    with pytest.raises(UserError, match=r"its store has moved.*registry\.moved store/mlflow\.db"):
        check_in_place((tmp_path / "gone" / "artifacts" / "1").as_uri(), "1", None)


def test_the_demo_looks_before_it_starts_a_server(place: Path) -> None:
    with pytest.raises(UserError, match="the store has moved"):
        check_database(place / "new" / "store" / "mlflow.db", EXPERIMENT)
    check_database(place / "nothing.db", EXPERIMENT)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be looked at" * 20])
def test_what_is_no_store_is_a_sentence(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    assert moved.main([str(tmp_path / "mlflow.db")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_artifacts_that_did_not_come_along_are_asked_for(place: Path) -> None:
    shutil.rmtree(place / "new" / "store" / "artifacts")
    with pytest.raises(UserError, match="move the store's artifacts there"):
        mend(place / "new" / "store" / "mlflow.db")


@pytest.mark.parametrize("what", ["no database", "of another program"])
def test_a_file_of_another_program_is_no_store(tmp_path: Path, what: str) -> None:
    path = tmp_path / "mlflow.db"
    if what == "no database":
        path.write_bytes(b"years of work" * 99)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("create table notes (text)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"mlflow\.db(: file is not a database| is a database of another program)"):
        register_bundle(make_bundle(tmp_path, name="segformer"), tracking_uri=uri(tmp_path))
    assert path.read_bytes() == before
