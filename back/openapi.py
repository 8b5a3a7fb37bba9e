"""What FastAPI's OpenAPI document leaves out of forms."""

from typing import Any

from fastapi import FastAPI


def describe_forms(app: FastAPI) -> None:
    """Say in the document of an app that its forms take no other fields, and that a file is never null."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        for name, schema in document["components"]["schemas"].items():
            if name.startswith("Body_"):
                schema["additionalProperties"] = False
                for field in schema["properties"].values():
                    for form in field.pop("anyOf", ()):
                        if form != {"type": "null"}:
                            field.update(form)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
