"""Whether bundles are registered already, read from an SQLite store itself: in milliseconds, without MLflow.

MLflow's client takes a second to import, and its server several to start. What is not found here may be there all the
same, in a form that another version of MLflow gave it: whoever asks then asks MLflow.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from back.runtime.card import CARD_FILE, ONNX_FILE, read_card, sha256_of, verify_files
from back.runtime.mlflow_names import CHAMPION

_CHAMPION = """
select versions.version, versions.source, card.value, weights.value from model_versions as versions
join registered_model_aliases as aliases on aliases.name = versions.name and aliases.version = versions.version
join model_version_tags as card on card.name = versions.name and card.version = versions.version
join model_version_tags as weights on weights.name = versions.name and weights.version = versions.version
where versions.name = ? and versions.status = 'READY' and versions.current_stage != 'Deleted_Internal'
and aliases.alias = ? and card.key = 'card_sha256' and weights.key = 'sha256'
"""


def champions(bundles: Sequence[Path], database: Path) -> dict[str, str] | None:
    """Name -> version of each bundle, where every one is registered as it is, as champion, and its files are there.

    Raises:
        BundleError: a bundle does not match its card.
    """
    versions = {}
    try:
        with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as store:
            for bundle in bundles:
                card = read_card(bundle)
                verify_files(bundle, card)
                wanted = (sha256_of(bundle / CARD_FILE), card.files[ONNX_FILE])
                rows = store.execute(_CHAMPION, (card.name, CHAMPION)).fetchall()
                if len(rows) != 1 or tuple(rows[0][2:]) != wanted or not _has_files(str(rows[0][1])):
                    return None
                versions[card.name] = str(rows[0][0])
    except sqlite3.Error:  # no store yet, one that is in use, or tables of other names
        return None
    return versions


def _has_files(source: str) -> bool:
    place = urlsplit(source)
    folder = Path(url2pathname(place.path))
    return place.scheme == "file" and all((folder / name).is_file() for name in (CARD_FILE, ONNX_FILE))
