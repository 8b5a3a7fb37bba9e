"""The labels of photos in files, in a folder where nothing of the user's is written over, with tables of them."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, Card
from back.runtime.errors import UserError
from back.runtime.layouts.listing import composed, shown
from modelisation.labelling.labeller import Failed, Labelled, Options, Outcome, Task, Unchanged, confidence_name
from modelisation.labelling.record import RECORD_FILE, Record
from modelisation.labelling.source import Source
from modelisation.labelling.sources import Found
from modelisation.labelling.tables import ERRORS_FILE, RESULTS_FILE, write_tables
from modelisation.outputs.files import OutputFolder
from modelisation.outputs.mark import MARK_FILE

# From tasks, in order, to their outcomes, in about that order.
Way = Callable[[Iterable[Task]], Generator[Outcome]]


class PhotoLabels:
    """A folder for the labels of photos, checked before anything is written. Use as a context manager.

    Args:
        found: the photos.
        out: the folder; made where it is missing.
        card: of the model.
        version: of the model in the registry; None for a bundle's folder.
        options: what is written of each photo.

    Raises:
        UserError: two photos would give one file, a file would be written over that we did not make, the folder is
            not ours, or another process writes to it.
    """

    def __init__(self, found: Found, out: Path, card: Card, version: str | None, options: Options) -> None:
        self._found, self._options = found, options
        self._files = options.files(card.taxonomy)
        self._told = _told(card, version, options)
        self._identity = _identity(card, options)
        self._record = Record(out)
        self._folder = OutputFolder(out, filter(None, (one.path for one in found.sources)), self._record)
        try:
            self._check()
        except BaseException:
            self._record.close()
            raise

    def __enter__(self) -> "PhotoLabels":
        return self

    def __exit__(self, *_: object) -> None:
        self._record.close()

    def write(self, way: Way) -> Generator[Outcome]:
        """Label every photo, write its files, and at the end, also where it ends early, the tables.

        A file that is there already is replaced where it is ours. A photo that was labelled before by the same model,
        with the same options, is passed over where its content is the same and its files are there; in formats that
        keep all photos in one file none is.

        Yields:
            What came of each photo, when that is on the disk. Where its files cannot be written, it failed.

        Raises:
            UserError: no more files can be written at all, or the model cannot be loaded.
        """
        self._record.begin(self._identity, self._told)
        try:
            for file, error in self._found.errors():
                self._record.failed(None, file, error)
            missing = dict.fromkeys(self._found.sources)
            with closing(way(map(self._task, self._found.sources))) as outcomes:
                for outcome in outcomes:
                    missing.pop(outcome.photo, None)
                    yield self._settle(outcome)
            for photo in missing:
                yield self._settle(Failed(photo, "was lost on the way; label it again"))
            for name, content in self._files.finish().items():
                self._folder.write(name, content)
        finally:
            write_tables(self._record, self._folder)

    def _check(self) -> None:
        sources = self._found.sources
        names = [name for one in sources for name in self._options.names(self._files, one)]
        taken = {RESULTS_FILE, ERRORS_FILE, MARK_FILE, RECORD_FILE, *self._files.shared()}
        for name in names:
            if name in taken:
                raise UserError(
                    f"{shown(name)} would be both a photo's labels and a file of its own; rename the photo"
                )
        if self._options.confidence:
            more = {composed(confidence_name(one)): one for one in sources}
            for one in sources:
                own = self._files.name(one)
                if own is not None and (other := more.get(composed(own))):
                    raise UserError(
                        f"{shown(own)} would be both a photo's labels and how sure the model is of "
                        f"{shown(other.file)}; predict the two into two folders"
                    )
        self._folder.check([*names, RESULTS_FILE, ERRORS_FILE, *self._files.shared()])

    def _task(self, photo: Source) -> Task:
        names = self._options.names(self._files, photo)
        has_own = self._files.name(photo) is not None
        there = has_own and all((self._folder.folder / name).is_file() for name in names)
        return Task(photo, self._record.known(photo.name, self._identity) if there else None)

    def _settle(self, outcome: Outcome) -> Outcome:
        """Write what came of a photo, and remember it."""
        photo = outcome.photo
        if isinstance(outcome, Labelled):
            try:
                self._folder.check(outcome.files)
            except UserError as error:  # somebody wrote there meanwhile
                outcome = Failed(photo, str(error))
        if isinstance(outcome, Failed):
            self._record.failed(photo.name, photo.file, outcome.error)
            return outcome
        if isinstance(outcome, Unchanged):
            self._files.add(photo, None)
            self._record.unchanged(photo.name, photo.file)
            return outcome
        for name, content in outcome.files.items():
            self._folder.write(name, content)
        self._files.add(photo, outcome.part)
        self._record.done(photo.name, photo.file, outcome.sha256, _row(outcome))
        return outcome


def _identity(card: Card, options: Options) -> str:
    """Stands for all that a photo's labels depend on, but not for what a card says of the model besides."""
    parts = {
        "network": card.files[ONNX_FILE],
        "input": card.input.model_dump(mode="json"),
        "taxonomy": card.taxonomy.model_dump(mode="json"),
        "temperature": card.temperature if options.confidence else None,
        "options": str(options),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _told(card: Card, version: str | None, options: Options) -> dict[str, Any]:
    return {
        "model": card.name,
        "version": version,
        "model_sha256": card.files[ONNX_FILE],
        "options": str(options),
        "classes": list(card.taxonomy.names),
    }


def _row(one: Labelled) -> Mapping[str, Any]:
    return {
        "bytes": one.size,
        "width": one.width,
        "height": one.height,
        "shares": one.shares,
        "familiarity": one.familiarity,
        "unfamiliar": one.unfamiliar,
        "labelled": datetime.now(UTC).isoformat(),
        "milliseconds": round(one.milliseconds, 3),
        "taken": one.taken.time and one.taken.time.isoformat(),
        "latitude": one.taken.latitude,
        "longitude": one.taken.longitude,
    }
