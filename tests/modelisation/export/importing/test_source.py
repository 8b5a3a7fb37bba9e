"""Where foreign weights come from: a folder or the hub; what cannot be used is said in a sentence."""

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from back.runtime.card import sha256_of
from back.runtime.errors import UserError
from modelisation.export.importing.source import UNKNOWN_LICENCE, find_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_gives_its_name_its_weights_and_their_hash(folder: Path) -> None:
    source = find_source(str(folder))
    assert source.name == "model"
    assert source.sha256 == {"model.safetensors": sha256_of(folder / "model.safetensors")}
    assert not source.pickled


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# Model", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: nvidia-source-code\n---\n", "nvidia-source-code"),
        ("---\nlicense: [unclosed\n---\n", UNKNOWN_LICENCE),
        ("# No head", UNKNOWN_LICENCE),
    ],
)
def test_the_licence_is_the_readmes(folder: Path, readme: str, licence: str) -> None:
    (folder / "README.md").write_text(readme, encoding="utf-8")
    assert find_source(str(folder)).licence == licence


def test_safetensors_win_over_a_pickle_beside_them(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert [path.name for path in find_source(str(folder), allow_pickle=True).weights] == ["model.safetensors"]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth"])
def test_a_pickle_is_refused_unless_allowed(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(UserError, match=r"is a pickle, .* pass --allow-pickle"):
        find_source(str(folder))
    assert find_source(str(folder), allow_pickle=True).pickled


def test_a_folder_without_config_or_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        find_source(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"holds no config\.json"):
        find_source(str(folder))


@pytest.mark.parametrize("place", ["no/such/folder", "./missing", "one-word"])
def test_what_is_neither_folder_nor_id_is_refused(place: str) -> None:
    with pytest.raises(UserError, match="no such folder, and no id of the hub"):
        find_source(place)


class Response:
    """As much of an HTTP answer as the hub's errors look at."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}
        self.request = None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: GatedRepoError("gated", response=Response(403)), "its owner asks for a permission first"),
        (lambda: RepositoryNotFoundError("none", response=Response(404)), "the hub has no such model"),
        (lambda: LocalEntryNotFoundError("offline"), "the hub cannot be reached"),
        (lambda: HfHubHTTPError("busy", response=Response(503)), "the hub cannot be reached"),
        (lambda: ConnectionError("refused"), "the hub cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(error, said: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def refuse(*_: object, **__: object) -> str:
        raise error()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(UserError, match=said):
        find_source("owner/model")


def test_a_repository_is_named_with_its_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = folder.rename(folder.with_name("0123456789abcdef0123456789abcdef01234567"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(snapshot))
    assert find_source("owner/model").name == "owner/model@0123456789ab"
