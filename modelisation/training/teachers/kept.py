"""Scores of a teacher, computed once for each photo and kept in a folder.

A photo's scores lie under the hash of its file's bytes, so a photo that changes is scored anew, and the folder can be
carried to a machine that lacks the teacher.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from back.runtime.card import CARD_FILE, TeacherRecord
from back.runtime.errors import UserError
from back.runtime.headers.base import ImageError
from back.runtime.taxonomy import Taxonomy
from modelisation.provenance import REPOSITORY
from modelisation.training.teachers.base import PhotoTeacher, Pixels
from modelisation.training.teachers.bundle import BundleTeacher
from modelisation.training.teachers.tflite import TfliteTeacher

FOLDER = REPOSITORY / ".cache" / "teachers"
RECORD = "teacher.json"


class KeptScores:
    """The scores of a teacher in a folder.

    Attributes:
        record: which teacher it was.
    """

    def __init__(self, folder: Path, record: TeacherRecord, teacher: PhotoTeacher | None) -> None:
        self._folder = folder
        self._teacher = teacher
        self.record = record

    def load(self, photos: Sequence[Path]) -> list[Pixels]:
        """Probabilities uint8 [h, w, C] of each photo; those that are not there yet are computed, with a bar.

        Raises:
            UserError: a photo cannot be read, or has no scores here and there is no teacher to ask.
        """
        files = [
            self._folder / f"{hashlib.sha256(_bytes_of(photo)).hexdigest()}.npy"
            for photo in tqdm(photos, "looking up scores", unit="photo", delay=2)
        ]
        missing = [(photo, file) for photo, file in zip(photos, files, strict=True) if not file.is_file()]
        if missing and self._teacher is None:
            raise UserError(
                f"{missing[0][0]}: {self._folder} holds no scores for it (nor for {len(missing) - 1} others); name "
                "the teacher itself once, and they are added"
            )
        for photo, file in tqdm(missing, f"asking {self.record.name}", unit="photo", disable=not missing):
            self._add(photo, file)
        return [np.load(file, allow_pickle=False) for file in files]

    def _add(self, photo: Path, file: Path) -> None:
        assert self._teacher is not None
        try:
            scores = self._teacher.probabilities(_bytes_of(photo))
        except ImageError as error:
            raise UserError(f"{photo}: not a readable photo. {error}") from error
        partial = file.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as target:
            np.save(target, scores, allow_pickle=False)
        partial.replace(file)


def open_teacher(
    path: Path, taxonomy: Taxonomy, licence: str | None = None, folder: Path | None = None
) -> KeptScores:
    """The scores of a teacher: a bundle's folder, a TFLite file, or a folder of scores that were kept.

    Args:
        path: of the teacher.
        taxonomy: the student's.
        licence: terms of a teacher that has no card.
        folder: where scores are kept, a folder in it for each teacher; by default `FOLDER`.

    Raises:
        UserError: there is nothing there, or no teacher of these classes.
    """
    if (path / RECORD).is_file():
        described = json.loads((path / RECORD).read_text(encoding="utf-8"))
        if described["taxonomy"] != taxonomy.id:
            raise UserError(f"{path}: scores of {described['taxonomy']}, the recipe wants {taxonomy.id}")
        return KeptScores(path, TeacherRecord.model_validate(described["teacher"]), None)
    if (path / CARD_FILE).is_file():
        teacher: PhotoTeacher = BundleTeacher(path, taxonomy)
    elif path.suffix == ".tflite" and path.is_file():
        teacher = TfliteTeacher(path, taxonomy, licence)
    else:
        raise UserError(
            f"unlabelled.teacher {path}: wanted the folder of a bundle, a .tflite file, or a folder of kept scores "
            f"({RECORD})"
        )
    place = (folder or FOLDER) / teacher.key
    place.mkdir(parents=True, exist_ok=True)
    described = {"taxonomy": taxonomy.id, "teacher": teacher.record.model_dump(mode="json")}
    (place / RECORD).write_text(json.dumps(described, indent=1), encoding="utf-8")
    return KeptScores(place, teacher.record, teacher)


def _bytes_of(photo: Path) -> bytes:
    try:
        return photo.read_bytes()
    except OSError as error:
        raise UserError(f"{photo}: cannot be read ({error.strerror}); replace it") from error
