"""What the queue must know of a kind of job: what is sent, and what a process of its own does with it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from back.jobs.table import Job, Told
from back.runtime.proof import compiled_dir
from back.settings import Settings

Sent = Sequence[tuple[str, BinaryIO]]  # the name that a file was sent with, and the file


class JobKind(ABC):
    """One kind of job.

    Attributes:
        noun, plural: what sentences call what is sent.
        module: whose work is run in a process, see `run_bounded`.
        look_seconds: that looking at what was sent may take.
        room: bytes that there must be for what is sent.
        unusable: the sentence where looking at it failed.
    """

    noun: str
    plural: str
    module: str
    look_seconds: float
    room: int
    unusable: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def receive(self, sent: Sent, place: Path) -> None:
        """Copy what was sent into the job's folder.

        Raises:
            InputError: it is too large, or not of the kind.
        """

    @abstractmethod
    def look(self, told: Told, place: Path) -> dict[str, Any]:
        """The request that looks at what was sent; its answer becomes the job's facts."""

    @abstractmethod
    def request(self, job: Job, place: Path) -> dict[str, Any]:
        """The request that does the work."""

    @abstractmethod
    def kept_on_failure(self) -> frozenset[str]:
        """Names in the job's folder that stay where the work failed, so that it can be asked for again."""

    def engine(self) -> Mapping[str, Any]:
        """Options for `Predictor.load`."""
        settings = self.settings
        return {
            "engine": settings.engine,
            "precision": settings.precision,
            "threads": settings.threads,
            "pixel_budget": settings.pixel_budget,
            "cache_dir": str(compiled_dir(settings.cache_dir).resolve()),
        }
