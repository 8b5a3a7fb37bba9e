"""Ways to label a folder of photos, each as `predict` does from file to file, without loading the command."""

import shutil
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from back.runtime.card import read_card
from back.runtime.predictor import Predictor
from modelisation.labelling.labeller import Failed, Labeller, Options
from modelisation.labelling.on_ray import label_on_ray
from modelisation.labelling.photo_files import PhotoLabels, Way
from modelisation.labelling.pool import label_here, label_in_processes
from modelisation.labelling.sources import find_sources

_BEGUN = 15  # index of the photo from whose labels on the rate counts


@dataclass(frozen=True)
class Run:
    """A folder labelled once.

    Attributes:
        seconds: of the whole, from a process with everything imported to the tables.
        first_s: until the first photo's labels lay on the disk: starting processes, loading and compiling.
        rate: photos a second after the sixteenth, until the last: a process gives its photos eight at a time, so that
            at the first ones others are done that would count as labelled since.
    """

    seconds: float
    first_s: float
    rate: float

    def told(self) -> dict[str, float]:
        """For a report."""
        return {key: round(value, 3) for key, value in asdict(self).items()}


def label_folder(way: Way, bundle: Path, photos: Path, out: Path) -> Run:
    """Label every photo of a folder anew, into an empty folder that is deleted again."""
    start = time.perf_counter()
    found = find_sources([str(photos)], out)
    times = []
    with PhotoLabels(found, out, read_card(bundle), None, Options()) as labels:
        for outcome in labels.write(way):
            assert not isinstance(outcome, Failed), outcome
            times.append(time.perf_counter() - start)
    seconds = time.perf_counter() - start
    shutil.rmtree(out)
    assert len(times) == len(found.sources)
    last, begun = len(times) - 1, min(_BEGUN, (len(times) - 1) // 2)
    return Run(seconds, times[0], (last - begun) / (times[-1] - times[begun]))


def here(predictor: Predictor) -> Way:
    """Threads of this process, as `predict` labels a few photos."""
    return partial(label_here, Labeller(predictor.card, lambda: predictor, Options()))


def in_processes(bundle: Path, workers: int) -> Way:
    """Processes of one thread each, as `predict` labels many photos."""
    return partial(label_in_processes, bundle, Options(), workers=workers)


def on_ray(bundle: Path, workers: int) -> Way:
    """Actors of one thread each in a Ray cluster that is begun on this machine, and ended."""
    return partial(label_on_ray, bundle, Options(), workers=workers)
