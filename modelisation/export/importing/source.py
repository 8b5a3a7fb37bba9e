"""Where foreign weights lie: a folder, or a repository of the Hugging Face hub; safetensors, unless asked."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from back.runtime.card import sha256_of
from back.runtime.errors import UserError

CONFIG = "config.json"
UNKNOWN_LICENCE = "unknown: the source names none"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_WANTED = ["*.json", "*.txt", "*.safetensors", "README.md"]


@dataclass(frozen=True)
class Source:
    """Files of a foreign model.

    Attributes:
        name: what the card calls it: the hub's id with its revision, or the folder's name.
        folder: where they are.
        weights: the files with weights, all safetensors or all pickles.
        licence: as its README says, else a sentence.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]
    licence: str

    @property
    def sha256(self) -> dict[str, str]:
        """File of weights -> sha256."""
        return {path.name: sha256_of(path) for path in self.weights}

    @property
    def pickled(self) -> bool:
        return is_pickle(self.weights[0])


def find_source(place: str, *, allow_pickle: bool = False, revision: str | None = None) -> Source:
    """The files of a folder, or of a repository that is downloaded into the hub's own cache.

    Raises:
        UserError: there is no such folder or repository, it needs a permission, the hub does not answer, there is no
            config.json, or no weights, or pickles alone.
    """
    folder = Path(place)
    name = folder.resolve().name
    if not folder.is_dir():
        if not _HUB_ID.match(place) or folder.exists():
            raise UserError(f"{place}: no such folder, and no id of the hub, which is written OWNER/NAME")
        folder, name = _download(place, allow_pickle, revision)
    if not (folder / CONFIG).is_file():
        raise UserError(f"{place}: holds no {CONFIG}; give the folder that `save_pretrained` wrote")
    return Source(name, folder, find_weights(folder, allow_pickle), licence_of(folder))


def find_weights(folder: Path, allow_pickle: bool) -> tuple[Path, ...]:
    """The files with weights in a folder: safetensors where there are any.

    Raises:
        UserError: there are none, or only pickles and these are not allowed.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if safe := tuple(path for path in files if path.suffix == ".safetensors"):
        return safe
    pickles = tuple(path for path in files if is_pickle(path))
    if not pickles:
        raise UserError(f"{folder}: holds no weights (no file *.safetensors)")
    check_pickle(pickles[0], allow_pickle)
    return pickles


def is_pickle(path: Path) -> bool:
    """Whether a file of weights is a pickle, by its suffix."""
    return path.suffix in _PICKLES


def check_pickle(path: Path, allowed: bool) -> None:
    """Refuse a pickle. Raises UserError."""
    if is_pickle(path) and not allowed:
        raise UserError(
            f"{path}: is a pickle, which can run code of whoever made it; ask for safetensors, or pass "
            "--allow-pickle where you trust its maker"
        )


def licence_of(folder: Path) -> str:
    """`license` in the head of a README.md, as the hub has it."""
    readme = folder / "README.md"
    if not readme.is_file():
        return UNKNOWN_LICENCE
    head = re.match(r"\A---\n(.*?)\n---", readme.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    try:
        fields: Any = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        fields = None
    named = fields.get("license") if isinstance(fields, dict) else None
    if named == "other" and isinstance(fields, dict):
        named = fields.get("license_name") or fields.get("license_link") or named
    return str(named) if named else UNKNOWN_LICENCE


def _download(repository: str, allow_pickle: bool, revision: str | None) -> tuple[Path, str]:
    """The snapshot's folder, and `id@commit`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted = _WANTED + ([f"*{suffix}" for suffix in _PICKLES] if allow_pickle else [])
    try:
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=wanted, etag_timeout=10))
    except GatedRepoError as error:
        raise UserError(
            f"{repository}: its owner asks for a permission first; get it on the hub's page, log in with `hf auth "
            "login`, and run this again"
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(f"{repository}: the hub has no revision {revision}") from error
    except RepositoryNotFoundError as error:
        raise UserError(f"{repository}: the hub has no such model, or it is private (`hf auth login`)") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise UserError(
            f"{repository}: the hub cannot be reached and holds nothing of it here; download it elsewhere and give "
            "its folder"
        ) from error
    return folder, f"{repository}@{folder.name[:12]}"
