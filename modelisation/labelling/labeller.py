"""A photo's file to its labels' files: the same work in this process, in one of a pool, and in one of a cluster."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self

from back.runtime.card import Card, read_card
from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, Photo, open_photo
from back.runtime.masks.png import encode_gray16_png
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import Taxonomy
from modelisation.labelling.buckets import read_object
from modelisation.labelling.exif import Taken, read_taken
from modelisation.labelling.format_names import PNG
from modelisation.labelling.label_formats import FORMATS, LabelFiles
from modelisation.labelling.masks import Masks
from modelisation.labelling.source import Source, is_in_bucket
from modelisation.outputs.compiled import COMPILED

_READERS = 4  # files that are read while another photo is labelled: a bucket answers after tens of milliseconds


@dataclass(frozen=True)
class Options:
    """What is written of each photo.

    Attributes:
        form: `png`, or one of `FORMATS`.
        as_ids: masks hold class ids as 8-bit grey instead of colours.
        confidence: also write how sure the model is, as 16-bit grey PNG of 0..65535.
    """

    form: str = PNG
    as_ids: bool = False
    confidence: bool = False

    def files(self, taxonomy: Taxonomy) -> LabelFiles:
        """The writer of the format."""
        return Masks(taxonomy, self.as_ids) if self.form == PNG else FORMATS[self.form](taxonomy)

    def names(self, files: LabelFiles, photo: Source) -> list[str]:
        """Names of the files that are the photo's own."""
        own = files.name(photo)
        return [*([own] if own else []), *([confidence_name(photo)] if self.confidence else [])]

    def __str__(self) -> str:
        return " ".join(
            [self.form, *(["classes"] if self.as_ids else []), *(["confidence"] if self.confidence else [])]
        )


@dataclass(frozen=True, slots=True)
class Task:
    """A photo to label; `known` is the sha256 of its content when it was labelled so before."""

    photo: Source
    known: str | None = None


@dataclass(frozen=True)
class Labelled:
    """A photo's labels as files, and what the table says of it.

    Attributes:
        sha256: of the photo's file, which has `size` bytes.
        height, width: pixels of the upright photo.
        shares: fraction of the pixels that each class covers, in the taxonomy's order.
        familiarity: how like the model's training streets the photo is, and `unfamiliar` whether it is called unlike
            them; None where the card does not say how to tell.
        milliseconds: from the file's bytes to those of the labels.
        files: name -> content.
        part: what the files that all photos share need of it.
    """

    photo: Source
    sha256: str
    size: int
    height: int
    width: int
    shares: tuple[float, ...]
    familiarity: float | None
    unfamiliar: bool | None
    milliseconds: float
    taken: Taken
    files: dict[str, bytes]
    part: Any


@dataclass(frozen=True)
class Unchanged:
    """A photo whose content is the one that was labelled before."""

    photo: Source


@dataclass(frozen=True)
class Failed:
    """A photo without labels, and the reason as a sentence."""

    photo: Source
    error: str


Outcome = Labelled | Unchanged | Failed


def confidence_name(photo: Source) -> str:
    """Name of the file that says how sure the model is of a photo's labels."""
    return f"{photo.name}.confidence.png"


class Labeller:
    """A model with options; safe to call from several threads at once.

    Photos of the first one's size go through a network compiled for just that size, from the first one on.

    Args:
        card: of the model.
        load: gives the model when the first photo wants it; photos that were labelled before do not.
        options: what is written of each photo.
    """

    def __init__(self, card: Card, load: Callable[[], Predictor], options: Options) -> None:
        self._networks, self._options = _Networks(load), options
        self._files = options.files(card.taxonomy)

    @classmethod
    def of_bundle(cls, bundle: Path, options: Options, threads: int | None = None, *, verify: bool = True) -> Self:
        """A model in a folder, loaded as `Predictor.load` does; raises BundleError where its card is none."""
        return cls(
            read_card(bundle),
            lambda: Predictor.load(bundle, threads=threads, verify=verify, cache_dir=COMPILED),
            options,
        )

    def label_all(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Label one photo after the other, the files of the next ones being read meanwhile; raises as `label`."""
        with ThreadPoolExecutor(_READERS, "read") as readers:
            yield from map(self._outcome, tasks, readers.map(_content, tasks))

    def label(self, task: Task) -> Outcome:
        """Label a photo; whatever goes wrong with it becomes its outcome.

        Raises:
            BundleError: the model cannot be loaded.
        """
        return self._outcome(task, _content(task))

    def _outcome(self, task: Task, data: bytes | UserError) -> Outcome:
        photo = task.photo
        if isinstance(data, UserError):
            return Failed(photo, str(data))
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 == task.known:
            return Unchanged(photo)
        self._networks.load()
        try:
            return self._labelled(photo, data, sha256)
        except UserError as error:
            return Failed(photo, str(error))
        except MemoryError:
            return Failed(photo, "needs more memory than there is; make it smaller")
        except Exception as error:  # one photo among millions must not end the work, whatever it lays bare
            what = " ".join(str(error).split())[:300]
            return Failed(photo, f"cannot be labelled ({type(error).__name__}: {what}); this is a fault, report it")

    def _labelled(self, source: Source, data: bytes, sha256: str) -> Labelled:
        start = time.perf_counter()
        photo = open_photo(data, MAX_FILE_PIXELS, self._networks.load().needed_size)
        prediction = self._networks.of(photo).predict_array(photo, confidence=self._options.confidence)
        labels_HW, files = prediction.labels_HW, {}
        content, name = self._files.content(source, labels_HW), self._files.name(source)
        if content is not None and name is not None:
            files[name] = content
        if prediction.confidence_HW is not None:
            files[confidence_name(source)] = encode_gray16_png(prediction.confidence_HW)
        part, shares = self._files.part(source, labels_HW), tuple(prediction.class_shares().values())
        milliseconds = (time.perf_counter() - start) * 1e3
        known = prediction.familiarity, prediction.unfamiliar
        size = len(data), photo.height, photo.width
        return Labelled(source, sha256, *size, shares, *known, milliseconds, read_taken(data), files, part)


def _content(task: Task) -> bytes | UserError:
    """A photo's file, or why it cannot be read: returned, since it may come from another thread."""
    file = task.photo.file
    try:
        return read_object(file) if is_in_bucket(file) else Path(file).read_bytes()
    except OSError as error:  # gone since, or not ours to read
        return UserError(f"cannot be read ({(error.strerror or str(error)).lower()}); copy it anew")
    except ValueError as error:  # a path that no system takes
        return UserError(f"cannot be read ({error}); rename it")
    except MemoryError:
        return UserError("needs more memory than there is; make it smaller")


class _Networks:
    """The model for a photo: compiled for one size where it has the first one's, else the general one."""

    def __init__(self, load: Callable[[], Predictor]) -> None:
        self._load, self._lock = load, Lock()
        self._any: Predictor | None = None
        self._steady: tuple[tuple[int, int], Predictor] | None = None

    def load(self) -> Predictor:
        with self._lock:
            if self._any is None:
                self._any = self._load()
            return self._any

    def of(self, photo: Photo) -> Predictor:
        model = self.load()
        size = model.needed_size(photo.height, photo.width)
        with self._lock:
            if self._steady is None:
                self._steady = size, model.steady(photo.height, photo.width)
        return self._steady[1] if self._steady[0] == size else model
