"""Jobs that label a clip."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from back.jobs.kinds import JobKind, Sent
from back.jobs.table import Job, Told
from back.runtime.video.limits import ClipLimits, check_bytes, container_of
from back.settings import Settings

CLIP_FILE = "clip"


class Clips(JobKind):
    """See `back.runtime.video.work`."""

    noun, plural = "clip", "clips"
    module = "back.runtime.video.work"
    look_seconds = 20.0
    unusable = "The clip cannot be opened; it is damaged."

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._limits = ClipLimits(
            settings.max_video_bytes, settings.max_video_pixels, settings.max_video_minutes * 60
        )
        self.room = self._limits.bytes

    def receive(self, sent: Sent, place: Path) -> None:
        ((_, file),) = sent
        container_of(file.read(16))  # before it is copied
        file.seek(0)
        with (place / CLIP_FILE).open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        check_bytes((place / CLIP_FILE).stat().st_size, self._limits)

    def look(self, told: Told, place: Path) -> dict[str, Any]:
        return {"action": "probe", "clip": str(place / CLIP_FILE), "limits": asdict(self._limits)}

    def request(self, job: Job, place: Path) -> dict[str, Any]:
        files = {kind: str(place / name) for kind, name in job.told.files.items()}
        return {"action": "label", "clip": str(place / CLIP_FILE), "limits": asdict(self._limits),
                "bundle": job.told.bundle, "engine": self.engine(), "files": files,
                "options": dict(job.told.options), "folder": str(place)}  # fmt: skip

    def kept_on_failure(self) -> frozenset[str]:
        return frozenset()
