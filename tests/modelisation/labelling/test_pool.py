"""Several photos at a time come out as each does alone, in threads and in processes; none is lost with a process."""

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from back.runtime.card import BundleError
from back.runtime.predictor import Predictor
from modelisation.labelling import pool
from modelisation.labelling.labeller import Failed, Labelled, Labeller, Options, Outcome, Task, Unchanged
from modelisation.labelling.pool import label_here, label_in_processes
from modelisation.labelling.source import Source
from tests.bundles import make_bundle
from tests.modelisation.labelling.photos import write_photos

IDS = Options(as_ids=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def predictor(bundle: Path) -> Predictor:
    return Predictor.load(bundle)


@pytest.fixture
def labeller(predictor: Predictor) -> Labeller:
    return Labeller(predictor.card, lambda: predictor, IDS)


def tasks_of(photos: list[Path]) -> list[Task]:
    return [Task(Source(str(photo), photo.stem)) for photo in photos]


def labels_of(outcome: Outcome, scratch: Path) -> np.ndarray:
    assert isinstance(outcome, Labelled), outcome
    (data,) = outcome.files.values()
    scratch.write_bytes(data)
    return np.array(Image.open(scratch))


def test_each_photo_has_the_labels_that_it_has_alone_in_the_order_given(
    predictor: Predictor, labeller: Labeller, tmp_path: Path
) -> None:
    photos = write_photos(tmp_path, 20)
    photos = [*photos[7:], *photos[:7]]
    found = list(label_here(labeller, tasks_of(photos)))
    assert [outcome.photo.file for outcome in found] == list(map(str, photos))
    for photo, outcome in zip(photos, found, strict=True):
        alone = predictor.predict_array(np.array(Image.open(photo)))
        np.testing.assert_array_equal(labels_of(outcome, tmp_path / "mask.png"), alone.labels_HW)
        assert isinstance(outcome, Labelled)
        assert outcome.shares == tuple(alone.class_shares().values())


def test_a_file_that_cannot_be_read_is_told_in_its_place(labeller: Labeller, tmp_path: Path) -> None:
    photos = write_photos(tmp_path, 4)
    photos[0].write_bytes(b"no picture")
    photos[2].unlink()
    found = list(label_here(labeller, tasks_of(photos)))
    assert [isinstance(one, Failed) for one in found] == [True, False, True, False]
    assert isinstance(found[2], Failed)
    assert "cannot be read (no such file or directory)" in found[2].error


def test_what_was_labelled_before_is_read_and_no_more(
    predictor: Predictor, labeller: Labeller, tmp_path: Path
) -> None:
    (photo,) = write_photos(tmp_path, 1)
    (task,) = tasks_of([photo])
    first = labeller.label(task)
    assert isinstance(first, Labelled)
    assert isinstance(labeller.label(Task(task.photo, "another")), Labelled)
    unloaded = Labeller(predictor.card, lambda: pytest.fail("the model was loaded"), IDS)
    assert list(unloaded.label_all([Task(task.photo, first.sha256)])) == [Unchanged(task.photo)]


def test_a_fault_of_ours_is_a_photo_s_error(
    labeller: Labeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Predictor, "predict_array", lambda *_, **__: 1 / 0)
    (outcome,) = label_here(labeller, tasks_of(write_photos(tmp_path, 1)))
    assert isinstance(outcome, Failed)
    assert "ZeroDivisionError: division by zero); this is a fault" in outcome.error


def test_no_more_photos_are_read_than_somebody_waits_for(
    labeller: Labeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tasks_of(write_photos(tmp_path, 30))
    read: list[Path] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path), whole(path))[1])
    labelled = label_here(labeller, tasks)
    next(labelled)
    labelled.close()
    assert len(read) <= 8


def workers() -> list[psutil.Process]:
    """The processes of the pool; not the one that multiprocessing keeps beside them."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one that was killed may end while it is asked
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_none_is_lost_when_a_process_is_killed_twice(bundle: Path, tmp_path: Path, predictor: Predictor) -> None:
    photos = write_photos(tmp_path, 60)
    photos[17].write_bytes(b"no picture")
    found: list[Outcome] = []
    killed: list[int] = []
    for outcome in label_in_processes(bundle, IDS, tasks_of(photos), workers=2):
        found.append(outcome)
        # What was done before a death is given first; the processes after it begin when that is over.
        if len(found) >= (3, 30, 99)[len(killed)] and (alive := workers()):
            os.kill(alive[0].pid, signal.SIGKILL)
            killed.append(alive[0].pid)
    assert len(set(killed)) == 2
    assert sorted(one.photo.file for one in found) == sorted(map(str, photos)), "each once"
    assert [one.photo.file for one in found if isinstance(one, Failed)] == [str(photos[17])]
    last = next(one for one in found if one.photo.file == str(photos[-1]))
    alone = predictor.predict_array(np.array(Image.open(photos[-1]))).labels_HW
    np.testing.assert_array_equal(labels_of(last, tmp_path / "mask.png"), alone)
    assert not workers()


def test_a_photo_that_ends_its_process_is_told_and_the_others_are_labelled(
    bundle: Path, labeller: Labeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tasks_of(write_photos(tmp_path, 3))
    begun: list[int] = []

    class Mortal(ThreadPoolExecutor):
        """In the place of processes: the second photo breaks it for good, as a fault in a decoder does."""

        def __init__(self, count: int, *_: object) -> None:
            super().__init__(count)
            self.broken = False

        def submit(self, _: object, batch: list[Task]) -> "Future[list[Outcome]]":  # type: ignore[override]
            if self.broken:
                raise BrokenProcessPool
            return super().submit(self.label, batch)

        def label(self, batch: list[Task]) -> list[Outcome]:
            begun.append(len(batch))
            if tasks[1] in batch:
                self.broken = True
                raise BrokenProcessPool
            return list(labeller.label_all(batch))

    monkeypatch.setattr(pool, "ProcessPoolExecutor", Mortal)
    found = list(label_in_processes(bundle, IDS, tasks, workers=1))
    assert [type(one) for one in found] == [Labelled, Failed, Labelled]
    assert isinstance(found[1], Failed)
    assert "ended the process that labelled it, 2 times" in found[1].error
    assert begun == [3, 1, 1, 1, 1], "in their batch, and alone, the second twice"


def test_a_model_that_cannot_be_loaded_is_said_once_and_leaves_no_process(tmp_path: Path) -> None:
    broken = make_bundle(tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no network")
    labelled = label_in_processes(broken, IDS, tasks_of(write_photos(tmp_path, 40)), workers=1)
    with closing(labelled), pytest.raises(BundleError, match="does not match the card's sha256"):
        next(labelled)
    assert not workers()
