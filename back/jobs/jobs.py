"""Takes clips in, labels them one after the other, keeps what comes of it for a while.

The queue is huey's, in SQLite; what became of a job stands in a table beside it. Each clip is labelled in a process
of its own, with bounded time and memory, that ends with the API; a job that this interrupts begins again with the
next.
"""

import contextlib
import json
import logging
import secrets
import shutil
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

from back.jobs.clock import EvenClock
from back.jobs.folder import CLIP_FILE, JobFolder
from back.jobs.store import open_store
from back.jobs.table import UNFINISHED, Job, Told
from back.problems import Problem
from back.runtime.errors import UserError
from back.runtime.process.bounded import UnfinishedError, WorkFailedError, run_bounded
from back.runtime.proof import compiled_dir
from back.runtime.video.limits import PROGRESS_FILE, ClipError, ClipLimits, check_bytes, container_of
from back.settings import Settings

_WORK = "back.runtime.video.work"
_PROBE_S = 20.0
_MAX_STARTS = 3  # of one job; after that it is what ends the API
_CLEAN_S, _LOOK_S = 60.0, 1.0
_BUSY = "try again in 60 s, or delete jobs that are done"
log = logging.getLogger("streetseg")
logging.getLogger("huey").setLevel(logging.WARNING)  # it would tell of every job that begins


class _DeletedError(Exception):
    """Whoever made the job wants it no more."""


class Jobs:
    """The jobs of one API. May be used by several threads; nothing is opened before `open`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = ClipLimits(
            settings.max_video_bytes, settings.max_video_pixels, settings.max_video_minutes * 60
        )
        self._clock = EvenClock()
        self._stop, self._wake = threading.Event(), threading.Event()
        self._opening = threading.Lock()
        self._thread: threading.Thread | None = None
        self._folder: JobFolder | None = None

    def resume(self) -> None:
        """Go on with what an earlier API left; nothing is made where there is none."""
        if (self._settings.jobs_path / "jobs.db").is_file():
            try:
                self._open()
            except UserError as error:
                log.warning("clips cannot be labelled: %s", error)

    def close(self) -> None:
        """End what runs; it begins again with the next API."""
        self._stop.set()
        self._wake.set()
        with self._opening:  # no later request opens it again
            thread, folder = self._thread, self._folder
        if thread is not None and folder is not None:
            thread.join(10)
            self._table.close()
            folder.close()

    def add(self, file: BinaryIO, owner: str | None, told: Told) -> Job:
        """Take a clip in and queue it. Blocks.

        Args:
            file: the upload.
            owner: name of the key that it came with.
            told: what is asked for; the clip's own facts are filled in here.

        Raises:
            Problem: 400, 413 or 415, it is no clip that can be read; 503, there is no room for it.
        """
        folder = self._opened()
        self._check_room(folder)
        name = secrets.token_urlsafe(16)
        place = folder.of(name)
        place.mkdir()
        try:
            facts = self._receive(file, place / CLIP_FILE)
            job = Job(name, owner, "queued", self._clock.now(), replace(told, clip=facts))
            self._table.add(job)
        except BaseException:
            folder.remove(name)
            raise
        self._label(name)
        self._wake.set()
        return job

    def find(self, name: str, owner: str | None) -> Job:
        """A job of this owner's.

        Raises:
            Problem: 404.
        """
        job = self._table.get(name) if self._folder is not None else None
        if job is None or job.owner != owner:
            kept = f"results are kept for {self._settings.keep_hours:g} hours"
            raise Problem(404, f"There is no job {name[:40]!r}; {kept}, and only who made a job can see it.")
        return job

    def delete(self, name: str, owner: str | None) -> None:
        """Cancel a job that is not done, and delete all of it; raises as `find`."""
        job = self.find(name, owner)
        self._table.remove(job.id)
        if job.state != "running":  # else whoever works on it sees that it is gone, and takes its files away
            self._opened().remove(job.id)

    def path_of(self, job: Job, name: str) -> Path:
        """A file in a job's folder."""
        return self._opened().of(job.id) / name

    def ahead_of(self, job: Job) -> int:
        """How many jobs come before one that is queued."""
        return sum(other.state in UNFINISHED and other.created < job.created for other in self._table.all())

    def progress_of(self, job: Job) -> dict[str, Any]:
        """What the process that labels a clip last told: frames, decoded, of, images_per_s."""
        try:
            return dict(json.loads(self.path_of(job, PROGRESS_FILE).read_bytes()))
        except (OSError, ValueError):
            return {}

    def _opened(self) -> JobFolder:
        if self._folder is not None:
            return self._folder
        try:
            return self._open()
        except UserError as error:
            raise Problem(503, f"{error}.", retry_after_s=60, cause="overloaded") from error

    def _open(self) -> JobFolder:
        with self._opening:
            if self._folder is not None:
                return self._folder
            if self._stop.is_set():
                raise UserError("The service is being stopped; send the clip again")
            folder, self._table, self._huey = open_store(self._settings.jobs_path)
            self._label = self._huey.task(name="label")(self._work)
            jobs = self._table.all()
            folder.remove_unknown({job.id for job in jobs})
            for job in jobs:
                if job.state in UNFINISHED:
                    self._table.change(replace(job, state="queued"))
                    self._label(job.id)
            self._folder = folder
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()
            return folder

    def _check_room(self, folder: JobFolder) -> None:
        settings = self._settings
        waiting = sum(job.state in UNFINISHED for job in self._table.all())
        if waiting >= settings.max_jobs:
            raise Problem(503, f"{waiting} clips wait already; {_BUSY}.", retry_after_s=60, cause="overloaded")
        held = folder.size()
        if held + self._limits.bytes > settings.max_jobs_bytes:
            raise Problem(
                503, f"Clips of {held / 1e6:.0f} MB are kept already; {_BUSY}.", retry_after_s=60, cause="overloaded"
            )

    def _receive(self, file: BinaryIO, path: Path) -> dict[str, Any]:
        try:
            container_of(file.read(16))  # before it is copied
            file.seek(0)
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
            check_bytes(path.stat().st_size, self._limits)
        except ClipError as error:
            raise Problem(error.status, str(error)) from error
        request = {"action": "probe", "clip": str(path), "limits": asdict(self._limits)}
        try:
            facts = run_bounded(
                _WORK, request, seconds=_PROBE_S, memory_bytes=self._settings.job_memory_bytes, stop=self._stop
            )
        except (UserError, UnfinishedError, WorkFailedError) as error:
            log.warning("a clip could not be looked at: %s", error)
            raise Problem(400, "The clip cannot be opened; it is damaged.") from error
        if "refused" in facts:
            raise Problem(facts["status"], facts["refused"])
        return facts

    def _run(self) -> None:
        cleaned = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() - cleaned > _CLEAN_S or cleaned == 0:
                    self._clean()
                    cleaned = time.monotonic()
                task = self._huey.dequeue()
                if task is None:
                    self._wake.wait(_LOOK_S)
                    self._wake.clear()
                else:
                    self._huey.execute(task)
            except Exception:  # a bug or a full disk: the next job may go better
                log.exception("working off clips failed, and goes on")
                self._stop.wait(_LOOK_S)

    def _clean(self) -> None:
        """Delete what has been kept long enough."""
        now = self._clock.now()
        for job in self._table.all():
            if job.ended is not None and now - job.ended > self._settings.keep_hours * 3600:
                self._table.remove(job.id)
                self._opened().remove(job.id)

    def _work(self, name: str) -> None:
        """Label one clip; called by huey."""
        job = self._table.get(name)
        if job is None or job.state != "queued":
            return
        if job.starts >= _MAX_STARTS:
            self._end(job, error="The service ended each time that it worked on this clip; send another.")
            return
        job = replace(job, state="running", starts=job.starts + 1)
        self._table.change(job)
        started = time.monotonic()
        try:
            answer = self._run_work(job)
        except _DeletedError:
            self._opened().remove(job.id)
        except UserError as error:
            self._end(job, error=f"{str(error).rstrip('.')}.")
        except UnfinishedError as error:
            if self._stop.is_set():
                self._table.change(replace(job, state="queued", starts=job.starts - 1))
            else:
                self._end(job, error=f"The clip could not be labelled: {error}.")
        except WorkFailedError as error:
            log.error("labelling a clip failed: %s", error)
            self._end(job, error="The service failed on this clip; its log says why.")
        else:
            if "refused" in answer:
                self._end(job, error=answer["refused"])
            else:
                log.info("a clip of %d frames took %.1f s", answer["frames"], time.monotonic() - started)
                self._end(job, frames=answer["frames"], notes=tuple(answer["notes"]))

    def _run_work(self, job: Job) -> dict[str, Any]:
        settings, place = self._settings, self._opened().of(job.id)
        engine = {"engine": settings.engine, "precision": settings.precision, "threads": settings.threads,
                  "pixel_budget": settings.pixel_budget,
                  "cache_dir": str(compiled_dir(settings.cache_dir).resolve())}  # fmt: skip
        files = {kind: str(place / name) for kind, name in job.told.files.items()}
        request = {"action": "label", "clip": str(place / CLIP_FILE), "limits": asdict(self._limits),
                   "bundle": job.told.bundle, "engine": engine, "files": files, "options": dict(job.told.options),
                   "folder": str(place)}  # fmt: skip
        looked = 0.0

        def watch() -> None:
            nonlocal looked
            if time.monotonic() - looked < _LOOK_S / 2:
                return
            looked = time.monotonic()
            if self._table.get(job.id) is None:
                raise _DeletedError
            if self._opened().size() > settings.max_jobs_bytes:
                raise UserError("What is kept of all clips takes more room than the service has; send a shorter clip")

        return run_bounded(
            _WORK,
            request,
            seconds=settings.job_minutes * 60,
            memory_bytes=settings.job_memory_bytes,
            watch=watch,
            stop=self._stop,
        )

    def _end(
        self, job: Job, *, error: str | None = None, frames: int | None = None, notes: tuple[str, ...] = ()
    ) -> None:
        if self._table.get(job.id) is None:  # deleted at the last moment
            self._opened().remove(job.id)
            return
        told = replace(job.told, error=error, frames=frames, notes=notes)
        self._table.change(replace(job, state="failed" if error else "done", ended=self._clock.now(), told=told))
        place = self._opened().of(job.id)
        for name in (
            (CLIP_FILE, *job.told.files.values()) if error else ()
        ):  # else the clip is played beside its colours
            with contextlib.suppress(OSError):
                (place / name).unlink()
