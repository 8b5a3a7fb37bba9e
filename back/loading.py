"""One version of a registered model becomes a model that serves: fetched, verified, compiled.

A version whose verified files cannot serve will never serve, since versions do not change: it is not tried again.
Everything else (a download that broke off, a full disk, MLflow answering nonsense) may pass, so it is tried again,
after waits that double.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.catalogue import ModelVersion
from back.downloads import bounded_download
from back.mlflow_errors import is_mlflow_error, mlflow_sentence, without_password
from back.runtime.bundle_cache import Download, discard_bundle, fetch_bundle
from back.runtime.card import ONNX_FILE, REPORT_FILE, BundleError, Card, read_card, read_json, verify_files
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.process.bounded import UnfinishedError, WorkFailedError
from back.runtime.process.memory import give_back_library
from back.runtime.proof import Limits, compiled_dir, prove
from back.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_WAIT_S = 600.0  # between two tries of a version that fails again and again
MAX_WAIT_UNFINISHED_S = 24 * 3600.0  # the same, where each try took all the time it was given
# Of a disk that takes nothing more, in whatever error they stand.
_DISK_WORDS = (
    *("No space left on device", "Disk quota exceeded", "Read-only file system", "Permission denied"),
    *("Not a directory", "File exists"),  # a file where the cache should be
)
Fetch = Callable[[ModelVersion], Path]
log = logging.getLogger("streetseg")


@dataclass(frozen=True)
class Served:
    """A loaded version."""

    version: ModelVersion
    predictor: Predictor
    report: Mapping[str, Any] | None
    file_size_bytes: int
    folder: Path  # the cached bundle

    @property
    def name(self) -> str:
        return self.version.name


class LoadError(RuntimeError):
    """A version that cannot be served, now or ever: says which and why."""


@dataclass(frozen=True)
class _Failure:
    sentence: str
    again_at: float | None  # of time.monotonic; None: never
    wait_s: float


class ModelLoader:
    """Loads versions, and remembers which failed. May be used by several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: dict[ModelVersion, _Failure] = {}
        self._stop = threading.Event()

    def load(self, fetch: Fetch, version: ModelVersion) -> Served:
        """Fetch, verify, try and compile a version; takes seconds.

        Args:
            fetch: gives the folder of the verified bundle; may fail in any way.
            version: what to load.

        Raises:
            LoadError: it cannot be served; says why, also where an earlier failure still stands.
        """
        bundle = self._fetch(fetch, version)
        try:
            served = self._compile(bundle, version)
        except BaseException as error:  # whatever it is, a panic of Rust code among it, the other models must load
            log.debug("loading %s failed", label_of(version), exc_info=True)
            sentence = self._note(version, error, lasting=isinstance(error, UserError | ValueError))
        else:
            self._failures.pop(version, None)
            engine = served.predictor.engine
            log.info("%s is ready (%s, %s)", label_of(version), engine.name, engine.precision)
            return served
        # Not within the except: the error leads to the frames of what failed, and with them to its network.
        raise LoadError(sentence)

    def read_card(self, fetch: Fetch, version: ModelVersion) -> Card:
        """The card of a version that need not be loaded for it; see `load`."""
        return read_card(self._fetch(fetch, version))

    def has_failed(self, version: ModelVersion) -> bool:
        """Whether the last try to load it failed."""
        return version in self._failures

    def forget(self, known: set[ModelVersion]) -> None:
        """Drop what is remembered of versions that no longer exist."""
        for version in [version for version in self._failures if version not in known]:
            self._failures.pop(version, None)

    def fetch_from(self, client: "MlflowClient", version: ModelVersion) -> Path:
        """The verified bundle of a version, see `fetch_verified`."""
        return fetch_verified(client, version, self._settings.cache_dir, bounded_download(self._stop))

    def close(self) -> None:
        """End what is being loaded."""
        self._stop.set()

    def _fetch(self, fetch: Fetch, version: ModelVersion) -> Path:
        failure = self._failures.get(version)
        if failure is not None and (failure.again_at is None or time.monotonic() < failure.again_at):
            raise LoadError(failure.sentence)
        try:
            _check_name(version.name)
            return fetch(version)
        except BaseException as error:  # a download may fail in any way
            log.debug("fetching %s failed", label_of(version), exc_info=True)
            sentence = self._note(version, error, lasting=isinstance(error, _NameError))
        raise LoadError(sentence)

    def _note(self, version: ModelVersion, error: BaseException, *, lasting: bool) -> str:
        """Remember a failure; returns the sentence that tells of it."""
        if lasting:
            sentence = f"{label_of(version)} cannot be served: {without_password(str(error))}"
            self._failures[version] = _Failure(sentence, None, 0.0)
            return sentence
        before = self._failures.get(version)
        first, most = self._settings.reload_seconds, MAX_WAIT_S
        if isinstance(error, UnfinishedError):  # dear: it had its whole time
            first, most = MAX_WAIT_S, MAX_WAIT_UNFINISHED_S
        wait_s = min(most, 2 * before.wait_s if before else first)
        reason = without_password(self._reason(error))
        sentence = f"{label_of(version)} could not be loaded, and will be tried again: {reason}"
        self._failures[version] = _Failure(sentence, time.monotonic() + wait_s, wait_s)
        return sentence

    def _reason(self, error: BaseException) -> str:
        text = str(error)
        if full := next((words for words in _DISK_WORDS if words in text), None):
            cache = self._settings.cache_dir
            return f"{cache} cannot be written to ({full.lower()}); make room there, or set STREETSEG_CACHE_DIR."
        if isinstance(error, UserError | UnfinishedError):
            return text
        if isinstance(error, WorkFailedError) and error.kind == "MlflowException":
            return mlflow_sentence(self._settings.mlflow_tracking_uri, Exception(error.text))
        if is_mlflow_error(error) or isinstance(error, TimeoutError):
            return mlflow_sentence(self._settings.mlflow_tracking_uri, error)
        return text if isinstance(error, WorkFailedError) else f"{type(error).__name__}: {text}"

    def _compile(self, bundle: Path, version: ModelVersion) -> Served:
        settings = self._settings
        options = {"engine": settings.engine, "precision": settings.precision, "threads": settings.threads}
        limits = Limits(settings.load_seconds, settings.load_memory_mb * 1_000_000)
        prove(bundle, options, settings.cache_dir, limits, self._stop)
        predictor = Predictor.load(
            bundle,
            engine=settings.engine,
            precision=settings.precision,
            threads=settings.threads,
            cache_dir=compiled_dir(settings.cache_dir),
            pixel_budget=settings.pixel_budget,
            verify=False,  # `fetch` has
        )
        report = _read_report(bundle)
        size = (bundle / ONNX_FILE).stat().st_size
        give_back_library()  # every kernel was loaded with its module
        return Served(version, predictor, report, size, bundle)


class _NameError(UserError):
    """A registered name that no answer can carry."""


def _check_name(name: str) -> None:
    """Answers carry the name in a header, which holds Latin-1."""
    if not (name.isprintable() and all(ord(letter) < 256 for letter in name)):
        raise _NameError(f"its name {name!a} holds characters that no header can carry; rename it in MLflow")


def label_of(version: ModelVersion) -> str:
    """What messages call a version."""
    return f"{version.name}/{version.version}"


def fetch_verified(client: "MlflowClient", version: ModelVersion, cache_dir: Path, download: Download) -> Path:
    """The verified bundle of a version; a copy in the cache that was damaged is downloaded again.

    Raises:
        BundleError: what was downloaded is damaged, or no bundle.
        mlflow.exceptions.MlflowException: no such version, or the server does not answer.
        OSError: the disk.
    """
    bundles = cache_dir / "bundles"
    bundle = fetch_bundle(client, version.name, version.version, bundles, download)
    try:
        verify_files(bundle, read_card(bundle))
    except BundleError:
        discard_bundle(bundle)
        bundle = fetch_bundle(client, version.name, version.version, bundles, download)
        try:
            verify_files(bundle, read_card(bundle))
        except BundleError:
            discard_bundle(bundle)
            raise
    return bundle


def verify_cached(folder: Path | None) -> Path:
    """A bundle that lies in the cache from earlier.

    Raises:
        BundleError: it is damaged or gone, or there never was one.
    """
    if folder is None:
        raise BundleError("it is not in the cache, and MLflow does not answer")
    verify_files(folder, read_card(folder))
    return folder


def _read_report(bundle: Path) -> Mapping[str, Any] | None:
    path = bundle / REPORT_FILE
    return read_json(path) if path.is_file() else None
