"""Takes clips and folders of photos in, and tells what becomes of them; `back.jobs.turns` works on them.

All of it stands in a table in a folder, which the replicas of one machine may share: each takes jobs in and tells of
all of them, and one works on them.
"""

import json
import logging
import secrets
import threading
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
from back.jobs.store import TABLE_FILE, open_store
from back.jobs.table import UNFINISHED, Job, Kind, Told
from back.jobs.turns import Turns
from back.problems import Problem
from back.runtime.errors import InputError, UserError
from back.runtime.process.bounded import UnfinishedError, WorkFailedError, run_bounded
from back.runtime.process.progress import PROGRESS_FILE
from back.settings import Settings

log = logging.getLogger("streetseg")


class Jobs:
    """The jobs of one API. May be used by several threads; nothing is opened before `open`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = EvenClock()
        self.evaluations = Evaluations(settings)
        self._kinds: Mapping[Kind, JobKind] = {"clip": Clips(settings), "evaluation": self.evaluations}
        self._stop = threading.Event()
        self._opening = threading.Lock()
        self._folder: JobFolder | None = None

    def resume(self) -> None:
        """Go on with what an earlier API left; nothing is made where there is none."""
        try:
            if self._settings.max_jobs:
                self._open_if_there()
        except UserError as error:
            log.warning("jobs cannot be worked on: %s", error)

    def close(self) -> None:
        """End what runs; it begins again with another API."""
        self._stop.set()
        with self._opening:  # no later request opens it again
            folder = self._folder
        if folder is not None:
            self._turns.close()
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
        with folder.arriving():
            place.mkdir()
            try:
                told, now = replace(told, facts=self._receive(kind, sent, told, place)), self._clock.now()
                job = Job(name, owner, "held" if hold else "queued", now, told, now if hold else None)
                self._table.add(job)
            except BaseException:
                folder.remove(name)
                raise
        self._turns.wake()
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
        self._turns.wake()
        return job

    def ask(self, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        """What a kind's work answers to a question; raises Problem as `add` does, for what cannot be used."""
        return self._told_by(self._kinds[kind], request)

    def find(self, name: str, owner: str | None) -> Job:
        """A job of this owner's.

        Raises:
            Problem: 404.
        """
        try:
            job = self._table.get(name) if self._open_if_there() else None
        except UserError:  # said in the log, and to whoever brings a job
            job = None
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

    def _open_if_there(self) -> bool:
        """Whether there are jobs at all, of this API or of another with the same folder."""
        if self._folder is None and (self._settings.jobs_path / TABLE_FILE).is_file():
            self._open()
        return self._folder is not None

    def _open(self) -> JobFolder:
        with self._opening:
            if self._folder is not None:
                return self._folder
            if self._stop.is_set():
                raise UserError("The service is being stopped; send the clip again")
            folder, self._table = open_store(self._settings.jobs_path)
            self._turns = Turns(self._settings, self._kinds, folder, self._table, self._clock, self._stop)
            self._folder = folder
            return folder

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
