"""How many jobs there may be, and how many bytes of them."""

from collections.abc import Sequence

from back.jobs.kinds import JobKind
from back.jobs.table import UNFINISHED, Job
from back.problems import Problem
from back.settings import Settings

_BUSY = "try again in 60 s, or delete jobs that are done"


def check_number(jobs: Sequence[Job], settings: Settings) -> None:
    """Raises Problem: 503, too many jobs wait or are worked on."""
    waiting = sum(job.state in UNFINISHED for job in jobs)
    if waiting >= settings.max_jobs:
        raise Problem(503, f"{waiting} jobs wait already; {_BUSY}.", retry_after_s=60, cause="overloaded")


def check_bytes(held: int, kind: JobKind, settings: Settings) -> None:
    """Raises Problem: 503, beside the bytes that are held already there is no room for another of a kind."""
    if held + kind.room > settings.max_jobs_bytes:
        raise Problem(
            503, f"Jobs of {held / 1e6:.0f} MB are kept already; {_BUSY}.", retry_after_s=60, cause="overloaded"
        )
