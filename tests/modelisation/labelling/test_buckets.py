"""Photos in S3: labelled from a real S3 server, moto's, with the same tables as those on a disk."""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from pyarrow.fs import S3FileSystem

from modelisation.__main__ import main
from modelisation.labelling import buckets
from tests.bundles import make_bundle
from tests.modelisation.labelling.photos import assert_complete, errors, results, write_photos
from tests.s3 import s3_server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        buckets._store.cache_clear()
        yield address
    buckets._store.cache_clear()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"), pixel_budget=96 * 160)


@pytest.fixture(scope="module")
def store(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> S3FileSystem:
    """Photos under `streets/2026/`, in folders of two cities, and what else lies in buckets."""
    store = S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True)
    store.create_dir("streets")
    photos = write_photos(tmp_path_factory.mktemp("photos"), 3)
    content = {f"2026/{city}/{photo.name}": photo.read_bytes() for city in ("ulm", "köln 1") for photo in photos}
    content |= {"2026/ulm/bad.jpg": b"no photo", "2026/notes.txt": b"", "2026/x.tif": b"", "2026/.x.jpg": b""}
    content |= {"2026-old/a.png": content["2026/ulm/00.png"]}
    for key, data in content.items():
        with store.open_output_stream(f"streets/{key}") as file:
            file.write(data)
    return store


def predict(bundle: Path, out: Path, *paths: str) -> tuple[int, str]:
    with redirect_stderr(io.StringIO()) as said:
        return main(["predict", str(bundle), *paths, "--out", str(out)]), said.getvalue()


def test_a_prefix_is_labelled_as_a_tree_and_once(bundle: Path, store: S3FileSystem, tmp_path: Path) -> None:
    out = tmp_path / "out"
    inputs = [f"s3://streets/2026/{city}/{n:02d}.png" for city in ("ulm", "köln 1") for n in range(3)]
    inputs += ["s3://streets/2026/ulm/bad.jpg", "s3://streets/2026/x.tif"]
    times = []
    for url in ("s3://streets/2026/", "s3://streets/2026"):
        status, said = predict(bundle, out, url)
        assert status == 1
        assert "s3://streets/2026/ulm/bad.jpg: This is not a JPEG, PNG, WEBP, HEIC or AVIF image" in said
        assert_complete(out, inputs)
        times.append([row["labelled"] for row in results(out)])
    assert times[0] == times[1], "by the first run, since nothing changed"
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png")) == sorted(
        url.removeprefix("s3://streets/2026/") for url in inputs[:6]
    )


def test_one_object_and_a_list_of_objects(bundle: Path, store: S3FileSystem, tmp_path: Path) -> None:
    assert predict(bundle, tmp_path / "one", "s3://streets/2026/ulm/01.png")[0] == 0
    assert [row["name"] for row in results(tmp_path / "one")] == ["01"]
    lines = ["s3://streets/2026/ulm/00.png", "s3://streets/2026/ulm/gone.png", "s3://streets/../../etc/x.png"]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    assert predict(bundle, tmp_path / "out", str(tmp_path / "list.txt"))[0] == 1
    assert_complete(tmp_path / "out", lines)
    assert errors(tmp_path / "out")[lines[1]] == "cannot be read (no such object); copy it anew"
    assert "its key has an empty part" in errors(tmp_path / "out")[lines[2]]
    assert (tmp_path / "out" / "streets" / "2026" / "ulm" / "00.png").is_file()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://streets/none", "no such prefix or object"),
        ("s3://streets/202", "no such prefix or object"),
        ("s3://nowhere/a", "no such prefix or object"),
        ("s3://nowhere", "the specified bucket does not exist"),
        ("s3://", "names no bucket"),
        ("s3://streets/2026/notes.txt", "notes.txt: The image is empty"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    bundle: Path, store: S3FileSystem, tmp_path: Path, url: str, sentence: str
) -> None:
    status, said = predict(bundle, tmp_path / "out", url)
    assert status in (1, 2)
    assert sentence in said
    assert "Traceback" not in said


def test_a_store_that_does_not_answer_is_a_sentence(
    bundle: Path, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    buckets._store.cache_clear()
    status, said = predict(bundle, tmp_path / "out", "s3://streets/2026")
    buckets._store.cache_clear()
    assert status == 2
    assert said.startswith("predict: s3://streets/2026 cannot be read (")
    assert "connect to server" in said
    assert len(said.splitlines()) == 1
