"""How a model tells a photo that is unlike the streets it knows: set on streets, tried on streets and other things.

Chosen by measurement, which `docs/performance.md` tells: of the statistics of a network's scores that cost next to
nothing, contrast and placing together miss least. The threshold comes from rendered scenes, whose cameras, light and
weather differ: set on the training photos, which are of one camera, it would call every other camera's photo strange.
One in twenty scenes is called unlike.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from back.runtime.card import Card
from back.runtime.errors import UserError
from back.runtime.familiarity import Familiarity, Floats, placing_of
from back.runtime.imaging import MAX_FILE_PIXELS, Photo, open_photo
from back.runtime.layouts.listing import IMAGE_SUFFIXES
from back.runtime.predictor import Predictor
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.evaluation.no_streets import made_pictures
from modelisation.export import carry
from modelisation.scenes.render import render_scene

Pixels = npt.NDArray[np.uint8]
_Statistics = list[tuple[float, Floats]]  # of pictures: contrast, and the classes' shares of the bands

_FIRST_SEED = 960_000_000  # far from those that training takes, and from those on which `carry` measures
_STRANGE = 0.05  # of the scenes, how many are called unlike
_PHOTOS = 100  # of a split, at most


def measure_familiarity(
    predictor: Predictor,
    dataset: SegmentationDataset,
    training: SegmentationDataset | None = None,
    *,
    streets: Sequence[Path] = (),
    others: Sequence[Path] = (),
    progress: bool = False,
) -> Familiarity:
    """Set what streets look like to a model, and measure how many pictures of each kind it calls unlike them.

    Args:
        predictor: the model; what its card says of it does not matter.
        dataset: a split that it was not trained on, whose false alarms are counted. Its labels do not matter.
        training: the split that it was trained on, which shows where classes lie; without it `dataset` does.
        streets: folders of other photos of streets, called by their names; their false alarms are counted, too.
        others: folders of photos that show no street.
        progress: show a progress bar.

    Raises:
        UserError: a folder holds no photo.
    """
    photos = {folder.name: _photos(folder, predictor) for folder in (*streets, *others)}  # before minutes of work
    shows, held_out = training or dataset, _evenly(dataset)
    split = f"{dataset.dataset} {dataset.split}"
    with tqdm(desc="unlike streets", unit="picture", disable=not progress) as bar:

        def statistics(pictures: Iterable[Pixels | Photo]) -> _Statistics:
            found = []
            for picture in pictures:
                found.append(_statistics_of(predictor, picture))
                bar.update()
            return found

        seen = statistics(_pictures(shows, _evenly(shows)))
        where_BC = np.mean([shares_BC for _, shares_BC in seen], axis=0).round(4)
        scenes = {name: statistics(_scenes(shape)) for shape, name in enumerate(_names())}
        measured = np.array([[c, placing_of(s, where_BC)] for c, s in chain.from_iterable(scenes.values())])
        mean, spread = measured.mean(0), np.maximum(measured.std(0), 1e-3)
        known = Familiarity(
            unfamiliar_below=0.0,
            contrast=(round(float(mean[0]), 4), round(float(spread[0]), 4)),
            placing=(round(float(mean[1]), 4), round(float(spread[1]), 4)),
            where=tuple(tuple(band) for band in where_BC.astype(float).round(4).tolist()),
            where_of=f"{shows.dataset} {shows.split}",
            set_on=f"{len(measured)} rendered scenes",
            false_alarms={},
            noticed={},
        )
        below = float(np.quantile([known.of(*one) for one in chain.from_iterable(scenes.values())], _STRANGE))
        known = known.model_copy(update={"unfamiliar_below": round(below, 3)})

        def called(pictures: Iterable[Pixels | Photo]) -> float:
            return _share(known, statistics(pictures))

        alarms = {split: called(_pictures(dataset, held_out))}
        alarms |= {name: _share(known, found) for name, found in scenes.items()}
        alarms |= {folder.name: called(photos[folder.name]()) for folder in streets}
        noticed = {
            f"{split}, upside down": called(image[::-1] for image in _pictures(dataset, held_out)),
            f"{split}, on its side": called(np.rot90(image) for image in _pictures(dataset, held_out)),
        }
        noticed |= {kind: called(pictures) for kind, pictures in made_pictures()}
        noticed |= {folder.name: called(photos[folder.name]()) for folder in others}
    return known.model_copy(update={"false_alarms": alarms, "noticed": noticed})


def training_streets(data: str, card: Card) -> SegmentationDataset | None:
    """The split of a data set that a model was trained on; None where it was trained on none of this one."""
    training = card.training
    if training is None:
        return None
    try:
        found = open_dataset(data, training.split, card.taxonomy)
    except UserError:  # another data set, without such a split
        return None
    return found if found.split_sha256 == training.split_sha256 else None


def _statistics_of(predictor: Predictor, picture: Pixels | Photo) -> tuple[float, Floats]:
    photo = picture
    if not isinstance(photo, Photo):
        photo = Photo(Image.fromarray(np.ascontiguousarray(picture)), *photo.shape[:2])
    return predictor.statistics_of(predictor.scores_of(photo), photo.height, photo.width)


def _share(known: Familiarity, found: _Statistics) -> float:
    return round(float(np.mean([known.of(*one) < known.unfamiliar_below for one in found])), 4)


def _evenly(dataset: SegmentationDataset) -> range:
    return range(0, len(dataset), -(-len(dataset) // _PHOTOS))


def _pictures(dataset: SegmentationDataset, indices: Iterable[int]) -> Iterator[Pixels]:
    return (dataset[index].image for index in indices)


def _names() -> list[str]:
    return [f"rendered scenes, {width} × {height}" for width, height in carry.SHAPES]


def _scenes(shape: int) -> Iterator[Pixels]:
    width, height = carry.SHAPES[shape]
    first = _FIRST_SEED + carry.SCENES * shape
    return (render_scene(first + number, height, width).image for number in range(carry.SCENES))


def _photos(folder: Path, predictor: Predictor) -> Callable[[], Iterator[Photo]]:
    """A folder's photos, to be read later; raises UserError where it holds none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give one that holds photos")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise UserError(f"{folder}: holds no photo; give a folder of JPEG, PNG, WEBP, HEIC or AVIF files")
    return lambda: (open_photo(path.read_bytes(), MAX_FILE_PIXELS, predictor.needed_size) for path in files)
