"""What kind of label files a folder holds: judged by their values, and by where in the pictures these lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from back.runtime.labels.plausibility import BANDS, MARGIN, PLAUSIBLE, bands_of, log_likelihood, readings
from back.runtime.labels.source import Source
from back.runtime.labels.tables import table_to
from back.runtime.taxonomy import REMAPS, RemapError, Taxonomy

_NEARLY_ALL = 0.999  # of the pixels, which have a meaning in a kind that fits


@dataclass
class LabelValues:
    """The values of many label maps, read as those of each source, by the height in the picture at which they lie.

    `bands` are the pixels of each value in each of eight horizontal bands, int64 [8, 256]; a source is missing whose
    palettes cannot be read.
    """

    bands: dict[str, npt.NDArray[np.int64]] = field(
        default_factory=lambda: {source: np.zeros((BANDS, 256), np.int64) for source in REMAPS}
    )

    def add(self, maps: dict[str, npt.NDArray[np.uint8] | None]) -> None:
        """Count one file, as `maps_by_source` reads it."""
        for source, ids_HW in maps.items():
            if ids_HW is None:
                self.bands.pop(source, None)
            elif source in self.bands:
                self.bands[source] += bands_of(ids_HW)

    def rated(self, prior: str | None = None) -> list[tuple[str, float, float]]:
        """Every source that the files may be of: its name, the share of pixels that have a meaning in it, and how
        plausible it is (nats a pixel); the best first.

        Args:
            prior: what the files' layout or names say, which only a clearly better reading overrules.
        """
        rated = []
        for source, bands in self.bands.items():
            if not bands.any():
                continue
            known = list(next(iter(REMAPS[source].values())))
            meant = float(bands[:, known].sum() / bands.sum())
            plausible = PLAUSIBLE
            if "street8" in REMAPS[source]:
                plausible = log_likelihood(bands, readings(source)[0])
            rated.append((source, meant, plausible + MARGIN * (source == prior)))
        return sorted(rated, key=lambda one: (min(one[1], _NEARLY_ALL), one[2]), reverse=True)

    def values(self) -> list[int]:
        """All values that occur, read as most sources read them."""
        bands = next(iter(self.bands.values()), None)
        return [] if bands is None else np.flatnonzero(bands.sum(0)).tolist()


def fitting_kinds(rated: Iterable[Sequence[object]], taxonomies: Sequence[Taxonomy]) -> list[str]:
    """The kinds of label files by which models of these class sets can be judged, the likeliest first.

    Args:
        rated: as `LabelValues.rated` gives, or the same read from JSON.
        taxonomies: the models' class sets. One of its own is a kind, too, and comes last.
    """
    found = [str(source) for source, *_ in rated if _fits(str(source), taxonomies)]
    found += [source for source in REMAPS if source not in found and _fits(source, taxonomies)]
    own = [one.id for one in taxonomies if one.id not in REMAPS and all(one.same_classes(t) for t in taxonomies)]
    return [*found, *dict.fromkeys(own)]


def _fits(source: Source, taxonomies: Sequence[Taxonomy]) -> bool:
    try:
        for taxonomy in taxonomies:
            table_to(source, taxonomy)
    except RemapError:
        return False
    return True
