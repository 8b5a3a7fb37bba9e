"""The models that the API serves: read from MLflow's registry, verified, loaded, and exchanged when an alias moves.

`sync` runs on one thread, again and again, and begins loads in the background; requests only look at what these left.
A new version takes over when it is loaded and has passed its self-test, so the old one answers until then, and for
good when the new one is broken. When MLflow is away, what is loaded keeps serving.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from back.catalogue import Catalogue, ModelVersion, RegisteredModel, is_deleted, parse_spec, read_catalogue, resolve
from back.loading import Fetch, LoadError, ModelLoader, Served, verify_cached
from back.loads import Loads
from back.mlflow_errors import mlflow_sentence, without_password
from back.pinned import Pinned
from back.problems import Cause, Problem
from back.remembered import Remembered, recall, remember
from back.runtime.bundle_cache import ASK_S, quiet_mlflow, touch
from back.runtime.card import BundleError
from back.runtime.process.deadline import within
from back.runtime.process.modules import quick_imports
from back.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

FIRST_ASK_S = 1.0  # for MLflow's first answer, where the models of last time could serve meanwhile
READY_S = 30.0  # a model that loads for longer no longer keeps the others from being ready
_NOT_ASKED = "MLflow has not been asked yet; try again in a few seconds."
log = logging.getLogger("streetseg")


class ModelRegistry:
    """What is served now. Attributes are replaced whole, so readers on other threads see one state or the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loader = ModelLoader(settings)
        self._loads = Loads()
        self._lock = threading.Lock()  # for what replaces the attributes below
        self._heard = threading.Event()  # MLflow has answered for the first time, or does not
        self._remembered: object = None
        self._ahead: dict[ModelVersion, Served] = {}  # loaded before MLflow has said that they are served
        self._disk_error: str | None = None  # of the last try to remember
        self.pinned = Pinned(self._loader, self._fetch)
        self.catalogue: Catalogue = {}
        self.served: Mapping[str, Served] = {}
        self.errors: Mapping[str, str] = {}
        self.mlflow_error: str | None = _NOT_ASKED
        self._answered_at: float | None = None  # seconds since 1970: when MLflow gave this catalogue
        self._asked = False  # MLflow has answered once
        self.synced = False  # every model that MLflow names has been loaded, or has failed to load, once

    @cached_property
    def client(self) -> "MlflowClient":
        """The MLflow client; importing it takes a second, which is why the loader thread does it."""
        quiet_mlflow()
        with quick_imports():
            from mlflow import MlflowClient

        uri = self._settings.mlflow_tracking_uri
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def sync(self, patience_s: float | None = None) -> None:
        """Bring what is served in line with MLflow. Blocks; never raises.

        Args:
            patience_s: how long to wait for loads, which go on afterwards; None waits for their end.
        """
        self._follow()
        self._loads.wait(patience_s)
        self._note_synced()
        if self.mlflow_error is None:
            self._remember()

    def close(self) -> None:
        """End what is being loaded."""
        self._heard.set()  # nobody waits for an answer any more
        self._loader.close()
        self._loads.close()

    def _follow(self) -> None:
        """Ask MLflow what there is, and begin to load what is missing."""
        first = not self._asked and not self.catalogue
        remembered = recall(self._settings.cache_dir, self._settings.mlflow_tracking_uri) if first else None
        if remembered is not None:
            self._load_ahead(remembered)
        try:
            client = self.client  # its import is none of MLflow's time
            catalogue = within(FIRST_ASK_S if remembered else ASK_S, partial(read_catalogue, client))
            known_names = {*self.catalogue, *(remembered.catalogue if remembered else ())}
            for name in sorted(known_names - set(catalogue)):
                if not within(ASK_S, partial(is_deleted, self.client, name)):
                    raise ValueError(f"it lists no model {name}, and does not say that {name} was deleted")
        except Exception as error:  # whatever is wrong with MLflow must not end the loop that asks it again
            sentence = mlflow_sentence(self._settings.mlflow_tracking_uri, error)
            if sentence != self.mlflow_error:
                log.warning("%s", sentence)
            self.mlflow_error = sentence
            if remembered is not None:
                self._serve_remembered(remembered)
            return
        with self._lock:
            self._asked, self._answered_at = True, time.time()
            self.catalogue = catalogue
            self.mlflow_error = None  # after the catalogue, or for a moment it would look as if MLflow held no model
            self.served = {name: served for name, served in self.served.items() if name in catalogue}
            self.errors = {name: error for name, error in self.errors.items() if name in catalogue}
        self._heard.set()
        known = {version for model in catalogue.values() for version in model.versions.values()}
        self._loader.forget(known)
        self.pinned.forget(known)
        self._load_missing(self._fetch)
        self._ahead.clear()

    def _fetch(self, version: ModelVersion) -> Path:
        return self._loader.fetch_from(self.client, version)

    def _load_ahead(self, found: Remembered) -> None:
        """Begin to load what MLflow named last time, while it is asked whether it still does."""
        for model in found.catalogue.values():
            version = model.preferred_version()
            if version is not None and (folder := found.folders.get(version)) is not None:
                self._loads.start(version, partial(self._load_cached, folder, version))

    def _load_cached(self, folder: Path, version: ModelVersion) -> None:
        try:
            verify_cached(folder)
        except (BundleError, OSError):
            self._heard.wait(ASK_S)  # no failure yet: MLflow may answer, and have another copy
        self._load(self._fetch if self._asked else lambda _: verify_cached(folder), version)

    def _serve_remembered(self, found: Remembered) -> None:
        """Serve what MLflow named last time, from the cache, until it answers."""
        with self._lock:
            self.catalogue, self._answered_at = found.catalogue, found.asked_at
        self._heard.set()
        self._load_missing(lambda version: verify_cached(found.folders.get(version)))
        self._ahead.clear()

    def _remember(self) -> None:
        folders = {served.version: served.folder for served in self.served.values()}
        for folder in folders.values():
            touch(folder)  # whoever walks through all versions must not push out of the cache what serves
        if (self.catalogue, folders) == self._remembered:
            return
        try:
            remember(self._settings.cache_dir, self._settings.mlflow_tracking_uri, self.catalogue, folders)
            self._remembered, self._disk_error = (self.catalogue, folders), None
        except OSError as error:  # the next start needs MLflow then; nothing else does
            if str(error) != self._disk_error:
                log.warning("%s cannot be written to: %s", self._settings.cache_dir, error)
            self._disk_error = str(error)

    def _load_missing(self, fetch: Fetch) -> None:
        """Begin to load what the names mean and is not served yet; what has failed before comes last."""
        wanted = [version for name, model in self.catalogue.items() if (version := self._to_load(name, model))]
        for version in sorted(wanted, key=self._loader.has_failed):
            self._loads.start(version, partial(self._load, fetch, version))

    def _load(self, fetch: Fetch, version: ModelVersion) -> None:
        served, error = None, None
        try:
            served = self._loader.load(fetch, version)
        except LoadError as failure:
            error = str(failure)
        except BaseException as failure:  # a model that fails, however, keeps no other from loading
            log.exception("loading %s failed", version.name)
            error = str(failure) or type(failure).__name__
        with self._lock:
            model = self.catalogue.get(version.name)
            if self._answered_at is None and served is not None:
                self._ahead[version] = served
            if model is not None and model.preferred_version() == version:  # else its alias has moved on
                if served is not None:
                    self.served = {**self.served, version.name: served}
                self._set_error(version.name, error)
        self._note_synced()

    def _to_load(self, name: str, model: RegisteredModel) -> ModelVersion | None:
        """The version that a name means, where it is not served yet."""
        with self._lock:
            wanted, current = model.preferred_version(), self.served.get(name)
            if wanted is None:
                sentence = f"{name} has no version; register one with: python -m modelisation register BUNDLE"
                self._set_error(name, sentence)
            elif current is not None and current.version == wanted:
                self._set_error(name, None)
            elif (ready := self._ahead.get(wanted) or self.pinned.get(wanted)) is not None:
                self.served = {**self.served, name: ready}
                self._set_error(name, None)
            else:
                return wanted
        return None

    def _note_synced(self) -> None:
        """Every model has been loaded, or has failed, or takes so long that the others are ready without it."""
        waiting = [model.preferred_version() for model in map(self.catalogue.__getitem__, self._waiting())]
        ages = [self._loads.age_s(version) for version in waiting if version is not None]
        if self.mlflow_error != _NOT_ASKED and all(age is not None and age > READY_S for age in ages):
            self.synced = True

    def _waiting(self) -> list[str]:
        return [name for name in self.catalogue if name not in self.served and name not in self.errors]

    def _set_error(self, name: str, error: str | None) -> None:
        if error is not None and self.errors.get(name) != error:
            log.warning("%s", error)
        others = {key: value for key, value in self.errors.items() if key != name}
        self.errors = others if error is None else {**others, name: error}

    @property
    def stale_s(self) -> float | None:
        """Seconds since MLflow said what `catalogue` holds, where it does not answer now; None while it answers."""
        if self.mlflow_error is None or self._answered_at is None:
            return None
        return max(0.0, time.time() - self._answered_at)

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
            raise self._not_ready_problem()
        spec = parse_spec(wanted)
        if spec is None or spec.name not in self.catalogue:
            if not self.synced:
                raise self._not_ready_problem()
            raise Problem(404, f"There is no model {wanted[:80]!r}. {self._known_models()}")
        if spec.alias is None and spec.version is None:
            if spec.name in self.served:
                return self.served[spec.name]
            error = self.errors.get(spec.name)
            if error is None:
                raise Problem(503, loading_sentence([spec.name]), retry_after_s=5, cause="loading")
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
        return self.pinned.get(version) or version

    def reason_not_ready(self) -> tuple[Cause, str] | None:
        """Why no prediction can be made yet, in a word and in a sentence; None when one can."""
        waiting = self._waiting()
        if self.served and not self.synced:
            return "loading", loading_sentence(waiting)
        if self.served:
            default = self._settings.default_model
            spec = parse_spec(default) if default else None
            if default and (spec is None or resolve(self.catalogue, spec) is None):
                return "no-model", f"STREETSEG_DEFAULT_MODEL={default} is not in MLflow. {self._known_models()}"
            return None
        if self.mlflow_error:
            return "loading" if self.mlflow_error == _NOT_ASKED else "mlflow-away", self.mlflow_error
        if waiting:
            return "loading", loading_sentence(waiting)
        if self.errors:
            return "no-model", "No model can be served: " + " ".join(self.errors.values())
        return "no-model", (
            f"MLflow at {without_password(self._settings.mlflow_tracking_uri)} holds no model; register one with: "
            "python -m modelisation register BUNDLE"
        )

    def _not_ready_problem(self) -> Problem:
        cause, sentence = self.reason_not_ready() or ("no-model", "No model is ready.")
        return Problem(503, sentence, retry_after_s=5, cause=cause)

    def _known_models(self) -> str:
        return f"Known models: {', '.join(self.catalogue)}." if self.catalogue else "None is registered."


def loading_sentence(names: Sequence[str]) -> str:
    """What is said while models load."""
    subject = " and ".join(names) if names else "The models"
    verb = "is" if len(names) == 1 else "are"
    return f"{subject} {verb} being loaded; try again in a few seconds."
