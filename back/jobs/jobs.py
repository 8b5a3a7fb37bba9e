"""Takes clips and folders of photos in, works on them one after the other, keeps what comes of it for a while.

The queue is huey's, in SQLite; what became of a job stands in a table beside it. Each job is worked on in a process
of its own, with bounded time and memory, that ends with the API; a job that this interrupts begins again with the
next.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from back.jobs.clips import Clips
from back.jobs.clock import EvenClock
from back.jobs.evaluations import Evaluations
from back.jobs.folder import JobFolder
from back.jobs.kinds import JobKind, Sent
from back.jobs.room import check_bytes, check_number
from back.jobs.store import open_store
from back.jobs.table import UNFINISHED, Job, Kind, Told
from back.problems import Problem
from back.runtime.errors import InputError, UserError
from back.runtime.process.bounded import UnfinishedError, WorkFailedError, run_bounded
from back.runtime.process.progress import PROGRESS_FILE
from back.settings import Settings

_MAX_STARTS = 3  # of one job; after that it is what ends the API
_CLEAN_S, _LOOK_S = 60.0, 1.0
log = logging.getLogger("streetseg")
logging.getLogger("huey").setLevel(logging.WARNING)  # it would tell of every job that begins


class _DeletedError(Exception):
    """Whoever made the job wants it no more."""


class Jobs:
    """The jobs of one API. May be used by several threads; nothing is opened before `open`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = EvenClock()
        self.evaluations = Evaluations(settings)
        self._kinds: Mapping[Kind, JobKind] = {"clip": Clips(settings), "evaluation": self.evaluations}
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
                log.warning("jobs cannot be worked on: %s", error)

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

    def add(self, sent: Sent, owner: str | None, told: Told, *, hold: bool = False) -> Job:
        """Take a clip or photos in, look at them, and queue the job. Blocks.

        Args:
            sent: the upload; nothing for a folder that is there.
            owner: name of the key that it came with.
            told: what is asked for; the facts of what was sent are filled in here.
            hold: wait for `start`.

        Raises:
            Problem: 400, 413, 415 or 422, it cannot be used; 503, there is no room for it.
        """
        folder, kind = self._opened(), self._kinds[told.kind]
        check_number(self._table.all(), self._settings)
        check_bytes(folder.size(), kind, self._settings)
        name = secrets.token_urlsafe(16)
        place = folder.of(name)
        place.mkdir()
        try:
            told, now = replace(told, facts=self._receive(kind, sent, told, place)), self._clock.now()
            job = Job(name, owner, "held" if hold else "queued", now, told, now if hold else None)
            self._table.add(job)
        except BaseException:
            folder.remove(name)
            raise
        if not hold:
            self._queue(name)
        return job

    def start(self, job: Job, told: Told) -> Job:
        """Queue a job that is held, or once more one that has ended; what came of it before is deleted.

        Raises:
            Problem: 409, it waits or is worked on already; 503, too many do.
        """
        if job.state in UNFINISHED:
            raise Problem(409, f"The job is {job.state} already; cancel it, or wait until it is done.")
        check_number(self._table.all(), self._settings)
        kind = self._kinds[told.kind]
        if told.options.get("split") != job.told.options.get("split"):
            told = replace(told, facts=self._told_by(kind, kind.look(told, self._opened().of(job.id))))
        self._opened().clear(job.id, keep=kind.kept_on_failure())
        told = replace(told, frames=None, notes=(), error=None)
        job = replace(job, state="queued", ended=None, starts=0, told=told)
        self._table.change(job)
        self._queue(job.id)
        return job

    def ask(self, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        """What a kind's work answers to a question; raises Problem as `add` does, for what cannot be used."""
        return self._told_by(self._kinds[kind], request)

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
        """What the process that works on a job last told: frames, decoded, of, images_per_s."""
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

    def _queue(self, name: str) -> None:
        self._label(name)
        self._wake.set()

    def _receive(self, kind: JobKind, sent: Sent, told: Told, place: Path) -> dict[str, Any]:
        try:
            kind.receive(sent, place)
        except InputError as error:
            raise Problem(error.status, str(error)) from error
        return self._told_by(kind, kind.look(told, place))

    def _told_by(self, kind: JobKind, request: Mapping[str, Any]) -> dict[str, Any]:
        memory, seconds = self._settings.job_memory_bytes, kind.look_seconds
        try:
            facts = run_bounded(kind.module, request, seconds=seconds, memory_bytes=memory, stop=self._stop)
        except (UserError, UnfinishedError, WorkFailedError) as error:
            log.warning("what was sent for one of the %s could not be looked at: %s", kind.plural, error)
            raise Problem(400, kind.unusable) from error
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
                log.exception("working off jobs failed, and goes on")
                self._stop.wait(_LOOK_S)

    def _clean(self) -> None:
        """Delete what has been kept long enough."""
        now = self._clock.now()
        for job in self._table.all():
            if job.ended is not None and now - job.ended > self._settings.keep_hours * 3600:
                self._table.remove(job.id)
                self._opened().remove(job.id)

    def _work(self, name: str) -> None:
        """Work on one job; called by huey."""
        job = self._table.get(name)
        if job is None or job.state != "queued":
            return
        noun = self._kinds[job.told.kind].noun
        if job.starts >= _MAX_STARTS:
            self._end(job, error=f"The service ended each time that it worked on this {noun}; send another.")
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
                self._end(job, error=f"The {noun} could not be finished: {error}.")
        except WorkFailedError as error:
            log.error("one of the %ss failed: %s", noun, error)
            self._end(job, error=f"The service failed on this {noun}; its log says why.")
        else:
            if "refused" in answer:
                self._end(job, error=answer["refused"])
            else:
                log.info("%s: %d frames or photos took %.1f s", noun, answer["frames"], time.monotonic() - started)
                self._end(job, frames=answer["frames"], notes=tuple(answer["notes"]))

    def _run_work(self, job: Job) -> dict[str, Any]:
        settings, kind = self._settings, self._kinds[job.told.kind]
        request = kind.request(job, self._opened().of(job.id))
        looked = 0.0

        def watch() -> None:
            nonlocal looked
            if time.monotonic() - looked < _LOOK_S / 2:
                return
            looked = time.monotonic()
            if self._table.get(job.id) is None:
                raise _DeletedError
            if self._opened().size() > settings.max_jobs_bytes:
                raise UserError(f"What is kept of all jobs takes more room than there is; send a smaller {kind.noun}")

        return run_bounded(
            kind.module,
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
        if error:  # else a clip is played beside its colours, and photos can be scored once more
            self._opened().clear(job.id, keep=self._kinds[job.told.kind].kept_on_failure())
