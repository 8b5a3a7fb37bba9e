"""What MLflow's model registry holds, as plain data, and which version a name means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from back.runtime.mlflow_names import CANDIDATE, CHAMPION

if TYPE_CHECKING:
    from mlflow import MlflowClient

PREFERRED_ALIASES = (CHAMPION, CANDIDATE)
_SPEC = re.compile(r"(?P<name>[^@/]{1,200})(?:@(?P<alias>[^@/]{1,200})|/(?P<version>[0-9]{1,9}))?")


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model; `created` tells apart versions of a store that was wiped and refilled."""

    name: str
    version: str
    run_id: str | None
    created: int


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model: its aliases (alias -> version) and versions, newest last."""

    name: str
    aliases: Mapping[str, str]
    versions: dict[str, ModelVersion]

    def preferred_version(self) -> ModelVersion | None:
        """Champion, else candidate, else the newest version; None without a version."""
        for alias in PREFERRED_ALIASES:
            if (version := self.aliases.get(alias)) in self.versions:
                return self.versions[str(version)]
        return next(reversed(self.versions.values()), None)

    def alias_of(self, version: str) -> str | None:
        """The alias to show for a version: champion, candidate, or the first of the others by name."""
        mine = sorted(alias for alias, target in self.aliases.items() if target == version)
        return next((alias for alias in PREFERRED_ALIASES if alias in mine), mine[0] if mine else None)


Catalogue = Mapping[str, RegisteredModel]


@dataclass(frozen=True)
class Spec:
    """Which model a request asks for: a name, optionally with an alias or a version."""

    name: str
    alias: str | None = None
    version: str | None = None


def parse_spec(text: str) -> Spec | None:
    """`name`, `name@alias` or `name/version` as a Spec; None when it is none of them."""
    match = _SPEC.fullmatch(text)
    return Spec(**match.groupdict()) if match else None


def resolve(catalogue: Catalogue, spec: Spec) -> ModelVersion | None:
    """The version that a spec means; None where the catalogue has none."""
    model = catalogue.get(spec.name)
    if model is None:
        return None
    if spec.alias is not None:
        return model.versions.get(model.aliases.get(spec.alias, ""))
    if spec.version is not None:
        return model.versions.get(str(int(spec.version)))
    return model.preferred_version()


def read_catalogue(client: "MlflowClient") -> dict[str, RegisteredModel]:
    """Ask MLflow for every registered model with its aliases and usable versions, sorted by name.

    Raises:
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    names: dict[str, dict[str, str]] = {}
    token: str | None = None
    while True:
        page = client.search_registered_models(max_results=100, page_token=token)
        for model in page:
            names[model.name] = {alias: str(version) for alias, version in (model.aliases or {}).items()}
        token = page.token
        if not token:
            break
    return {name: RegisteredModel(name, names[name], _read_versions(client, name)) for name in sorted(names)}


def is_deleted(client: "MlflowClient", name: str) -> bool:
    """Whether MLflow says that it knows no such model; an answer that is none says nothing, and counts as False.

    Raises:
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return True
        raise
    return False


def _read_versions(client: "MlflowClient", name: str) -> dict[str, ModelVersion]:
    versions: list[ModelVersion] = []
    token: str | None = None
    quoted = name.replace("'", "\\'")
    while True:
        page = client.search_model_versions(f"name='{quoted}'", max_results=200, page_token=token)
        versions += [
            ModelVersion(name, str(v.version), v.run_id or None, int(v.creation_timestamp or 0))
            for v in page
            if v.status == "READY"
        ]
        token = page.token
        if not token:
            break
    return {v.version: v for v in sorted(versions, key=lambda v: int(v.version))}
