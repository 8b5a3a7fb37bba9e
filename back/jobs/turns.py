"""Works on jobs one after the other, each in a process of its own with bounded time and memory, and deletes what was
kept long enough.

One API at a time does that for all that share the folder; when it ends, however it ends, another goes on. A job that
this interrupts begins again.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from back.jobs.clock import EvenClock
from back.jobs.folder import JobFolder
from back.jobs.kinds import JobKind
from back.jobs.table import Job, JobTable, Kind
from back.runtime.errors import UserError
from back.runtime.process.bounded import UnfinishedError, WorkFailedError, run_bounded
from back.settings import Settings

_MAX_STARTS = 3  # of one job; after that it is what ends the API
_CLEAN_S, _LOOK_S = 60.0, 1.0
log = logging.getLogger("streetseg")


class _DeletedError(Exception):
    """Whoever made the job wants it no more."""


class Turns:
    """A thread that takes the oldest job that waits, again and again, as long as no other API does."""

    def __init__(
        self,
        settings: Settings,
        kinds: Mapping[Kind, JobKind],
        folder: JobFolder,
        table: JobTable,
        clock: EvenClock,
        stop: threading.Event,
    ) -> None:
        self._settings, self._kinds, self._clock = settings, kinds, clock
        self._folder, self._table, self._stop = folder, table, stop
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """A job has come."""
        self._wake.set()

    def close(self) -> None:
        """Wait for the end of the thread, which `stop` has told to end."""
        self._wake.set()
        self._thread.join(10)

    def _run(self) -> None:
        is_ours, cleaned = False, 0.0
        while not self._stop.is_set():
            try:
                if not is_ours:
                    is_ours = self._folder.take_over()
                    if is_ours:
                        self._table.queue_interrupted()
                if is_ours and (time.monotonic() - cleaned > _CLEAN_S or cleaned == 0):
                    self._clean()
                    cleaned = time.monotonic()
                job = self._table.next() if is_ours else None
                if job is None:
                    self._wake.wait(_LOOK_S)
                    self._wake.clear()
                else:
                    self._work(job)
            except Exception:  # a bug or a full disk: the next job may go better
                log.exception("working off jobs failed, and goes on")
                self._stop.wait(_LOOK_S)

    def _clean(self) -> None:
        """Delete what has been kept long enough, and what an API left that ended while it received files."""
        now = self._clock.now()
        for job in self._table.all():
            if job.ended is not None and now - job.ended > self._settings.keep_hours * 3600:
                self._table.remove(job.id)
                self._folder.remove(job.id)
        self._folder.remove_unknown(lambda: {job.id for job in self._table.all()})

    def _work(self, job: Job) -> None:
        """Work on one job."""
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
            self._folder.remove(job.id)
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
        request = kind.request(job, self._folder.of(job.id))
        looked = 0.0

        def watch() -> None:
            nonlocal looked
            if time.monotonic() - looked < _LOOK_S / 2:
                return
            looked = time.monotonic()
            if self._table.get(job.id) is None:
                raise _DeletedError
            if self._folder.size() > settings.max_jobs_bytes:
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
            self._folder.remove(job.id)
            return
        told = replace(job.told, error=error, frames=frames, notes=notes)
        self._table.change(replace(job, state="failed" if error else "done", ended=self._clock.now(), told=told))
        if error:  # else a clip is played beside its colours, and photos can be scored once more
            self._folder.clear(job.id, keep=self._kinds[job.told.kind].kept_on_failure())
