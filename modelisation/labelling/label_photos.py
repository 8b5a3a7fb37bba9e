"""Many photos to labels: reading, decoding, the network and the labels of several photos overlap.

`python -m tests.benchmarks.folder` measures it against the bare engine; docs/performance.md says what came out.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError, Photo, open_photo
from back.runtime.predictor import Prediction, Predictor

# Two run the network, as its two streams can; one more reads and decodes meanwhile.
_WORKERS = 3
_AHEAD = 6  # photos between their files and whoever takes their labels, so that memory does not grow with the folder


def label_photos(
    predictor: Predictor, photos: Sequence[Path], *, confidence: bool = False
) -> Generator[tuple[Path, Prediction | UserError]]:
    """Label photo files, several at a time, and give them in their order.

    Photos of the first one's size go through a network compiled for just that size, from the first one on. With
    `confidence`, each prediction says how sure it is, too.

    Yields:
        Each photo with its prediction, at its own size; or with the reason why it cannot be read.

    Raises:
        ScoresError: the network answered with NaN or infinity.
    """
    networks = _Networks(predictor)

    def label(path: Path) -> Prediction | UserError:
        try:
            photo = open_photo(path.read_bytes(), MAX_FILE_PIXELS, predictor.needed_size)
        except ImageError as error:
            return error
        except OSError as error:  # gone since, or not ours to read
            return UserError(f"cannot be read ({(error.strerror or str(error)).lower()}); copy it anew")
        return networks.of(photo).predict_array(photo, confidence=confidence)

    waiting: deque[tuple[Path, Future[Prediction | UserError]]] = deque()
    with ThreadPoolExecutor(_WORKERS, "label") as pool:
        try:
            for path in photos:
                waiting.append((path, pool.submit(label, path)))
                if len(waiting) > _AHEAD:
                    yield waiting[0][0], waiting.popleft()[1].result()
            while waiting:
                yield waiting[0][0], waiting.popleft()[1].result()
        except BaseException:  # GeneratorExit, too: whoever asked wants no more of them
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Networks:
    """The model for a photo: compiled for one size where it has the first one's, else the general one."""

    def __init__(self, predictor: Predictor) -> None:
        self._any = predictor
        self._lock = Lock()
        self._steady: tuple[tuple[int, int], Predictor] | None = None

    def of(self, photo: Photo) -> Predictor:
        size = self._any.needed_size(photo.height, photo.width)
        with self._lock:
            if self._steady is None:
                self._steady = size, self._any.steady(photo.height, photo.width)
        return self._steady[1] if self._steady[0] == size else self._any
