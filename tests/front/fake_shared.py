"""The stand-in's shared photos: kept in memory, deleted by their token."""

import time
from collections.abc import Mapping
from typing import Any


class FakeShared:
    """What was shared, by id: what is told of it, the file, and what the models said."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[dict[str, Any], bytes, dict[str, Any], bytes | None]] = {}

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], new: tuple[bytes, Any, bytes | None, str] | None
    ) -> Any:
        """As `FakeApi.answer`; `new` is a photo to keep, what the models say of it, its label and that one's kind."""
        if new is not None:
            *kept, kind = new
            name = f"{len(self.kept):022d}"
            models = [{key: one[key] for key in ("model", "version", "sha256")} for one in new[1]["models"]]
            about = {"id": name, "name": "street.jpg", "models": models, "created": time.time()}
            about |= {"kept_until": time.time() + 3600, "delete_token": None}
            about["label"] = {"name": "truth.png", "taxonomy": kind} if new[2] is not None else None
            self.kept[name] = (about, *kept)
            return about | {"delete_token": f"token of {name}"}
        name, _, file = path.removeprefix("/shared/").partition("/")
        if name not in self.kept:
            return 404, f"There is no shared photo {name!r}; shared photos are kept for 168 hours."
        if method == "DELETE":
            if headers.get("X-Delete-Token") != f"token of {name}":
                return 403, "Only who made it can delete it."
            del self.kept[name]
            return {}
        return self.kept[name][("", "photo", "comparison", "label").index(file)]
