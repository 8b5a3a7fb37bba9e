"""The models that the API serves: read from MLflow's registry, verified, loaded, and exchanged when an alias moves.

`sync` runs on one loader thread, again and again; requests only look at what it left. A new version takes over when
it is loaded and has passed its self-test, so the old one answers until then, and for good when the new one is broken.
When MLflow is away, what is loaded keeps serving.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.catalogue import Catalogue, ModelVersion, RegisteredModel, parse_spec, read_catalogue, resolve
from back.problems import Cause, Problem
from back.runtime.bundle_cache import discard_bundle, fetch_bundle, quiet_mlflow
from back.runtime.card import ONNX_FILE, REPORT_FILE, BundleError, read_card, verify_files
from back.runtime.predictor import Predictor
from back.runtime.process.memory import give_back_library
from back.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_PINNED = 2  # versions asked for as name@alias or name/3 that stay loaded beside those that names mean
_LOADS_AT_ONCE = 2
_NOT_ASKED = "MLflow has not been asked yet; try again in a few seconds."
log = logging.getLogger("streetseg")


@dataclass(frozen=True)
class Served:
    """A loaded version."""

    version: ModelVersion
    predictor: Predictor
    report: Mapping[str, Any] | None
    file_size_bytes: int

    @property
    def name(self) -> str:
        return self.version.name


class ModelRegistry:
    """What is served now. Attributes are replaced whole, so readers on other threads see one state or the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._broken: dict[ModelVersion, str] = {}
        self._pinned: OrderedDict[ModelVersion, Served] = OrderedDict()
        self.catalogue: Catalogue = {}
        self.served: Mapping[str, Served] = {}
        self.errors: Mapping[str, str] = {}
        self.mlflow_error: str | None = _NOT_ASKED
        self.synced = False  # every model that MLflow names has been loaded, or has failed to load, once

    @cached_property
    def client(self) -> "MlflowClient":
        """The MLflow client; importing it takes a second, which is why the loader thread does it."""
        quiet_mlflow()
        from mlflow import MlflowClient

        uri = self._settings.mlflow_tracking_uri
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def sync(self) -> None:
        """Bring what is served in line with MLflow. Blocks; never raises."""
        try:
            catalogue = read_catalogue(self.client)
        except Exception as error:  # whatever is wrong with MLflow must not end the loop that asks it again
            sentence = mlflow_sentence(self._settings.mlflow_tracking_uri, error)
            if sentence != self.mlflow_error:
                log.warning("%s", sentence)
            self.mlflow_error = sentence
            return
        self.catalogue = catalogue
        self.mlflow_error = None  # after the catalogue, or for a moment it would look as if MLflow held no model
        self.served = {name: served for name, served in self.served.items() if name in catalogue}
        self.errors = {name: error for name, error in self.errors.items() if name in catalogue}
        for pinned in [version for version in self._pinned if not _is_current(catalogue, version)]:
            self._pinned.pop(pinned, None)
        wanted = {name: version for name, model in catalogue.items() if (version := self._to_load(name, model))}
        # Side by side: a compiled model from the cache takes one processor most of a second.
        with ThreadPoolExecutor(_LOADS_AT_ONCE, thread_name_prefix="load") as pool:
            loads = {pool.submit(self._load, version): name for name, version in wanted.items()}
            for load in as_completed(loads):
                name = loads[load]
                try:
                    self.served = {**self.served, name: load.result()}
                    self._set_error(name, None)
                except _LoadError as error:
                    self._set_error(name, str(error))
        self.synced = True

    def _to_load(self, name: str, model: RegisteredModel) -> ModelVersion | None:
        """The version that a name means, where it is not served yet."""
        wanted, current = model.preferred(), self.served.get(name)
        if wanted is None:
            self._set_error(name, f"{name} has no version; register one with: python -m modelisation register BUNDLE")
        elif current is not None and current.version == wanted:
            self._set_error(name, None)
        elif wanted in self._pinned:
            self.served = {**self.served, name: self._pinned[wanted]}
            self._set_error(name, None)
        else:
            return wanted
        return None

    def _set_error(self, name: str, error: str | None) -> None:
        if error is not None and self.errors.get(name) != error:
            log.warning("%s", error)
        others = {key: value for key, value in self.errors.items() if key != name}
        self.errors = others if error is None else {**others, name: error}

    def _load(self, version: ModelVersion) -> Served:
        if version in self._broken:  # versions do not change: it would fail again, after seconds of work
            raise _LoadError(self._broken[version])
        label = f"{version.name}/{version.version}"
        try:
            bundle = self._fetch(version)
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
        except (BundleError, ValueError) as error:
            self._broken[version] = f"{label} cannot be served: {error}"
            raise _LoadError(self._broken[version]) from error
        except Exception as error:  # the disk, the network, memory: worth another try at the next sync
            log.debug("loading %s failed", label, exc_info=True)
            if _is_mlflow_error(error):
                reason = mlflow_sentence(settings.mlflow_tracking_uri, error)
            else:
                reason = f"{type(error).__name__}: {error}"
            raise _LoadError(f"{label} could not be loaded, and will be tried again: {reason}") from error
        log.info("%s is ready (%s, %s)", label, predictor.engine.name, predictor.engine.precision)
        return Served(version, predictor, report, size)

    def _fetch(self, version: ModelVersion) -> Path:
        """The verified bundle; a cached copy that was damaged is downloaded again."""
        cache = self._settings.cache_dir / "bundles"
        bundle = fetch_bundle(self.client, version.name, version.version, cache)
        try:
            verify_files(bundle, read_card(bundle))
        except BundleError:
            discard_bundle(bundle)
            bundle = fetch_bundle(self.client, version.name, version.version, cache)
            verify_files(bundle, read_card(bundle))
        return bundle

    @property
    def default(self) -> str | None:
        """What answers when a request names no model: the setting, else the first that is ready."""
        return self._settings.default_model or min(self.served, default=None)

    def find(self, text: str | None) -> Served | ModelVersion:
        """The loaded model that a request means, or the version that has to be loaded for it.

        Raises:
            Problem: 404 where there is no such model; 503 while it is not ready.
        """
        wanted = text or self.default
        if wanted is None:
            raise self._nothing_ready()
        spec = parse_spec(wanted)
        if spec is None or spec.name not in self.catalogue:
            if not self.synced:
                raise self._nothing_ready()
            raise Problem(404, f"There is no model {wanted[:80]!r}. {self._known()}")
        if spec.alias is None and spec.version is None:
            if spec.name in self.served:
                return self.served[spec.name]
            error = self.errors.get(spec.name)
            if error is None:
                raise Problem(503, being_loaded([spec.name]), retry_after_s=5, cause="loading")
            raise Problem(503, error, retry_after_s=5, cause="no-model")
        version = resolve(self.catalogue, spec)
        if version is None:
            model = self.catalogue[spec.name]
            aliases = ", ".join(f"{spec.name}@{alias}" for alias in sorted(model.aliases)) or "no alias"
            raise Problem(
                404,
                f"There is no {wanted[:80]!r}; {spec.name} has {aliases}, and versions {', '.join(model.versions)}.",
            )
        current = self.served.get(spec.name)
        if current is not None and current.version == version:
            return current
        return self._pinned.get(version) or version

    def load_pinned(self, version: ModelVersion) -> Served:
        """Load a version beside those that names mean. Blocks; for the loader thread.

        Raises:
            Problem: 503, the version cannot be loaded.
        """
        try:
            served = self._pinned.pop(version, None) or self._load(version)
        except _LoadError as error:
            raise Problem(503, str(error), retry_after_s=30, cause="no-model") from error
        self._pinned[version] = served
        while len(self._pinned) > MAX_PINNED:
            self._pinned.popitem(last=False)
        return served

    def why_not_ready(self) -> tuple[Cause, str] | None:
        """Why no prediction can be made yet, in a word and in a sentence; None when one can."""
        waiting = [name for name in self.catalogue if name not in self.served and name not in self.errors]
        if self.served and not self.synced:
            return "loading", being_loaded(waiting)
        if self.served:
            default = self._settings.default_model
            spec = parse_spec(default) if default else None
            if default and (spec is None or resolve(self.catalogue, spec) is None):
                return "no-model", f"STREETSEG_DEFAULT_MODEL={default} is not in MLflow. {self._known()}"
            return None
        if self.mlflow_error:
            return "loading" if self.mlflow_error == _NOT_ASKED else "mlflow-away", self.mlflow_error
        if waiting:
            return "loading", being_loaded(waiting)
        if self.errors:
            return "no-model", "No model can be served: " + " ".join(self.errors.values())
        return "no-model", (
            f"MLflow at {self._settings.mlflow_tracking_uri} holds no model; register one with: "
            "python -m modelisation register BUNDLE"
        )

    def _nothing_ready(self) -> Problem:
        cause, sentence = self.why_not_ready() or ("no-model", "No model is ready.")
        return Problem(503, sentence, retry_after_s=5, cause=cause)

    def _known(self) -> str:
        return f"Known models: {', '.join(self.catalogue)}." if self.catalogue else "None is registered."


class _LoadError(RuntimeError):
    """A version that cannot be served, in a sentence."""


def being_loaded(names: Sequence[str]) -> str:
    """What is said while models load."""
    subject = " and ".join(names) if names else "The models"
    verb = "is" if len(names) == 1 else "are"
    return f"{subject} {verb} being loaded; try again in a few seconds."


def _is_current(catalogue: Catalogue, version: ModelVersion) -> bool:
    model = catalogue.get(version.name)
    return model is not None and model.versions.get(version.version) == version


def _is_mlflow_error(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException)


def mlflow_sentence(tracking_uri: str, error: Exception) -> str:
    """What went wrong with MLflow, and what to do, without addresses of connection pools."""
    text = str(error)
    if "Max retries exceeded" in text or "timed out" in text or isinstance(error, OSError):
        return f"MLflow at {tracking_uri} does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI."
    first_line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"MLflow at {tracking_uri} answers with an error: {first_line[:300]}"


def _read_report(bundle: Path) -> Mapping[str, Any] | None:
    path = bundle / REPORT_FILE
    if not path.is_file():
        return None
    report = json.loads(path.read_bytes())
    if not isinstance(report, dict):
        raise BundleError(f"{path}: must hold a JSON object; export the bundle again")
    return report
