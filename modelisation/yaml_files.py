"""YAML files that people write, and what is wrong with them."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from back.runtime.errors import UserError


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: it is no YAML.
        OSError: it cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def first_mistake(error: ValidationError) -> str:
    """The first of pydantic's complaints: where, and what."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {message}"
