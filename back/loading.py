"""One version of a registered model becomes a model that serves: fetched, verified, compiled.

A version whose verified files cannot serve will never serve, since versions do not change: it is not tried again.
Everything else (a download that broke off, a full disk, MLflow answering nonsense) may pass, so it is tried again,
after waits that double.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.catalogue import ModelVersion
from back.mlflow_errors import is_mlflow_error, mlflow_sentence
from back.runtime.bundle_cache import discard_bundle, fetch_bundle
from back.runtime.card import ONNX_FILE, REPORT_FILE, BundleError, read_card, verify_files
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.process.memory import give_back_library
from back.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_WAIT_S = 600.0  # between two tries of a version that fails again and again
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
    """Loads versions, and remembers which failed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: dict[ModelVersion, _Failure] = {}

    def load(self, fetch: Callable[[ModelVersion], Path], version: ModelVersion) -> Served:
        """Fetch, verify and compile a version; takes seconds.

        Args:
            fetch: gives the folder of the verified bundle; may fail in any way.
            version: what to load.

        Raises:
            LoadError: it cannot be served; says why, also where an earlier failure still stands.
        """
        failure = self._failures.get(version)
        if failure is not None and (failure.again_at is None or time.monotonic() < failure.again_at):
            raise LoadError(failure.sentence)
        label = f"{version.name}/{version.version}"
        try:
            bundle = fetch(version)
        except Exception as error:  # whatever it is, the other models must load
            log.debug("fetching %s failed", label, exc_info=True)
            raise self._try_later(version, f"{label} could not be loaded, and will be tried again", error) from error
        try:
            served = self._compile(bundle, version)
        except (UserError, ValueError) as error:
            sentence = f"{label} cannot be served: {error}"
            self._failures[version] = _Failure(sentence, None, 0.0)
            raise LoadError(sentence) from error
        except Exception as error:  # memory, the disk of the compiled networks, the engine
            log.debug("compiling %s failed", label, exc_info=True)
            raise self._try_later(version, f"{label} could not be loaded, and will be tried again", error) from error
        self._failures.pop(version, None)
        engine = served.predictor.engine
        log.info("%s is ready (%s, %s)", label, engine.name, engine.precision)
        return served

    def forget(self, known: set[ModelVersion]) -> None:
        """Drop what is remembered of versions that no longer exist."""
        self._failures = {version: failure for version, failure in self._failures.items() if version in known}

    def _try_later(self, version: ModelVersion, words: str, error: Exception) -> LoadError:
        if isinstance(error, BundleError):
            reason = str(error)
        elif is_mlflow_error(error):
            reason = mlflow_sentence(self._settings.mlflow_tracking_uri, error)
        else:
            reason = f"{type(error).__name__}: {error}"
        before = self._failures.get(version)
        wait_s = min(MAX_WAIT_S, 2 * before.wait_s if before else self._settings.reload_seconds)
        sentence = f"{words}: {reason}"
        self._failures[version] = _Failure(sentence, time.monotonic() + wait_s, wait_s)
        return LoadError(sentence)

    def _compile(self, bundle: Path, version: ModelVersion) -> Served:
        settings = self._settings
        predictor = Predictor.load(
            bundle,
            engine=settings.engine,
            precision=settings.precision,
            threads=settings.threads,
            cache_dir=settings.cache_dir / "compiled",
            pixel_budget=settings.pixel_budget,
            verify=False,  # _fetch has
        )
        report = _read_report(bundle)
        size = (bundle / ONNX_FILE).stat().st_size
        give_back_library()  # every kernel was loaded with its module
        return Served(version, predictor, report, size, bundle)


def fetch_verified(client: "MlflowClient", version: ModelVersion, cache_dir: Path) -> Path:
    """The verified bundle of a version; a copy in the cache that was damaged is downloaded again.

    Raises:
        BundleError: what was downloaded is damaged, or no bundle.
        mlflow.exceptions.MlflowException: no such version, or the server does not answer.
        OSError: the disk.
    """
    bundles = cache_dir / "bundles"
    bundle = fetch_bundle(client, version.name, version.version, bundles)
    try:
        verify_files(bundle, read_card(bundle))
    except BundleError:
        discard_bundle(bundle)
        bundle = fetch_bundle(client, version.name, version.version, bundles)
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
    if not path.is_file():
        return None
    report = json.loads(path.read_bytes())
    if not isinstance(report, dict):
        raise BundleError(f"{path}: must hold a JSON object; export the bundle again")
    return report
