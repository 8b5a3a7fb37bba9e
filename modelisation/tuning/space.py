"""The search space of a random search: recipe fields, each with a range or a list of choices."""

from pathlib import Path
from typing import Annotated, Any

import optuna
import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator

from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY
from modelisation.yaml_files import first_mistake, read_yaml

DEFAULT_SPACE = REPOSITORY / "modelisation" / "recipes" / "spaces" / "default.yaml"


class Choices(BaseModel):
    """A value from a list, each as likely as the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    choices: list[Any] = Field(min_length=1)


class Range(BaseModel):
    """A number between `low` and `high`, uniform or, with `log`, uniform in its logarithm."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    low: float
    high: float
    log: bool = False
    integer: bool = False

    @model_validator(mode="after")
    def _ascends(self) -> "Range":
        if not self.low <= self.high or (self.log and self.low <= 0):
            raise ValueError("wanted low <= high, and low > 0 where log is true")
        return self


def _kind(part: Any) -> str:
    return "choices" if isinstance(part, Choices) or (isinstance(part, dict) and "choices" in part) else "range"


# `_kind` picks the type first. Pydantic then reports a mistake for that type alone, not for both.
_Part = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")], Discriminator(_kind)]
Space = dict[str, Choices | Range]


def load_space(path: Path) -> Space:
    """Read a search space from YAML.

    Each line gives a recipe field either `{low: …, high: …, log: …, integer: …}` or `{choices: […]}`. A dotted name
    (`loss.dice`) reaches a nested field.

    Raises:
        UserError: the file is missing, is not of that form, or names no field.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file; {DEFAULT_SPACE.name} in {DEFAULT_SPACE.parent} is an example")
    try:
        space = TypeAdapter(dict[str, _Part]).validate_python(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {first_mistake(error)}; see {DEFAULT_SPACE.name}") from error
    if not space:
        raise UserError(f"{path}: names no recipe field, so there is nothing to search")
    return space


def draw(trial: optuna.trial.BaseTrial, space: Space) -> list[str]:
    """Draw a value for every field.

    Returns:
        `key=value` overrides as `--set` takes them; floats are rounded to three significant digits.
    """
    overrides = []
    for key, part in space.items():
        if isinstance(part, Choices):
            # Optuna accepts numbers and strings as choices, but no lists, so each choice is written as YAML.
            text = str(trial.suggest_categorical(key, [_yaml(choice) for choice in part.choices]))
        elif part.integer:
            text = str(trial.suggest_int(key, round(part.low), round(part.high), log=part.log))
        else:
            text = _yaml(float(f"{trial.suggest_float(key, part.low, part.high, log=part.log):.3g}"))
        overrides.append(f"{key}={text}")
    return overrides


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
