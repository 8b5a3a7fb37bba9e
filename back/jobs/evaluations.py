"""Jobs that score a model, or two, over photos with labels."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from back.jobs.kinds import JobKind, Sent
from back.jobs.table import Job, Told
from back.runtime.errors import InputError
from back.runtime.evaluation.limits import EvaluationLimits
from back.settings import Settings

_DATA, _SENT = "data", "sent"


class Evaluations(JobKind):
    """See `back.runtime.evaluation.work`."""

    noun, plural = "evaluation", "evaluations"
    module = "back.runtime.evaluation.work"
    look_seconds = 120.0
    unusable = "The files cannot be looked at; try fewer of them, or pack them again."

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.limits = EvaluationLimits(
            settings.max_evaluation_bytes, settings.max_evaluation_photos, settings.max_pixels
        )
        self.room = self.limits.unpacked_bytes

    def receive(self, sent: Sent, place: Path) -> None:
        if not sent:
            return
        (place / _SENT).mkdir()
        total = 0
        for number, (_, file) in enumerate(sent):
            path = place / _SENT / str(number)
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
            total += path.stat().st_size
        if total > self.limits.bytes:
            raise InputError(
                f"The files have {total / 1e6:.1f} MB, more than the {self.limits.bytes / 1e6:g} MB allowed; send "
                "fewer or smaller ones.",
                413,
            )

    def look(self, told: Told, place: Path) -> dict[str, Any]:
        names: list[str] = told.options.get("sent", [])
        sent = [(name, str(place / _SENT / str(number))) for number, name in enumerate(names)]
        action = "unpack" if told.options["folder"] is None and not (place / _DATA).exists() else "look"
        return {"action": action, "sent": sent} | self._data(told, place)

    def request(self, job: Job, place: Path) -> dict[str, Any]:
        told = job.told
        models = [{"name": told.model, "bundle": told.bundle}]
        if told.other is not None:
            models.append({"name": told.other["model"], "bundle": told.other["bundle"]})
        return {"action": "evaluate", "models": models, "engine": self.engine(), "folder": str(place),
                "label_kind": told.options["label_kind"],
                "clips": told.options["clips"]} | self._data(told, place)  # fmt: skip

    def kept_on_failure(self) -> frozenset[str]:
        return frozenset({_DATA})

    def folders(self, root: Path) -> dict[str, Any]:
        """The request that lists the folders of a folder of data sets."""
        return {"action": "folders", "limits": asdict(self.limits), "root": str(root)}

    def _data(self, told: Told, place: Path) -> dict[str, Any]:
        """Where the photos and labels lie."""
        inside, folder = place / _DATA, told.options["folder"]
        root = inside
        if folder is not None:
            # Checked when the job was made: one of those that are listed, whatever the folder is called now.
            inside = (self.settings.dataset_dir or place / _DATA).resolve()
            root = inside / folder
        return {"root": str(root), "inside": str(inside), "split": told.options["split"],
                "limits": asdict(self.limits)}  # fmt: skip
