"""Texts of others, from the registry and its models: shown as Markdown, they must make no browser ask anybody."""

from typing import Any

_JOINER = "\u2060"  # has no width and no meaning


def without_pictures(value: Any) -> Any:
    """JSON in whose texts no Markdown picture is left: a browser would load it from wherever its address says.

    Example:
        >>> without_pictures({"description": "A ![x](https://elsewhere/x.png)"})["description"].replace(_JOINER, "|")
        'A !|[x](https://elsewhere/x.png)'
    """
    if isinstance(value, str):
        return value.replace("![", f"!{_JOINER}[")
    if isinstance(value, dict):
        return {without_pictures(key): without_pictures(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_pictures(item) for item in value]
    return value
