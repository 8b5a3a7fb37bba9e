"""Is a photo like the streets that a network knows? Two numbers of its scores, set beside those of streets.

The contrast is how far the likeliest class leads the least likely one, in the mean over the picture: little where the
network knows nothing of what it sees. The placing is the mean log-probability of the classes where they lie: road
below, sky above. Each alone misses what the other sees: the network may be sure of a sky that lies below, or find a
street's layout in what it does not know. Neither changes where all scores of a cell are raised alike, as the
probabilities do not, either; so they mean the same for networks whose scores are logarithms of probabilities.

Looked at are some thousand cells of the scores, so that it costs a fraction of a millisecond.
"""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = npt.NDArray[np.float32]

BANDS = 8  # of equal height, from top to bottom
_SIDE = 32  # cells that are looked at in either direction, at most
_ANYWHERE = 0.05  # of the probability is spread evenly over the classes, so that none is impossible anywhere


class Familiarity(BaseModel):
    """What streets look like to a network, and what was found when it was tried on them and on other pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    unfamiliar_below: float = Field(description="familiarity below which a photo is called unlike the streets")
    contrast: tuple[float, float] = Field(description="mean and spread of the contrast over the streets")
    placing: tuple[float, float] = Field(description="mean and spread of the placing over them")
    where: tuple[tuple[float, ...], ...] = Field(
        description="of eight bands from top to bottom, the share of each class"
    )
    where_of: str = Field(description="data set and split whose pictures showed where the classes lie")
    set_on: str = Field(description="the streets on which means, spreads and the threshold were set")
    false_alarms: dict[str, float] = Field(description="pictures of streets -> share of them that is called unlike")
    noticed: dict[str, float] = Field(description="pictures of no streets -> share of them that is called unlike")

    @model_validator(mode="after")
    def _check(self) -> "Familiarity":
        if len(self.where) != BANDS or len({len(band) for band in self.where}) != 1:
            raise ValueError(f"where needs {BANDS} bands of as many classes each")
        if min(self.contrast[1], self.placing[1]) <= 0:
            raise ValueError("a spread must be more than 0")
        return self

    def of(self, contrast: float, shares_BC: Floats) -> float:
        """How familiar a photo is with these statistics: 0 like the mean of the streets, negative less so."""
        placing = placing_of(shares_BC, np.asarray(self.where, np.float32))
        return (contrast - self.contrast[0]) / self.contrast[1] + (placing - self.placing[0]) / self.placing[1]


def statistics_of(
    scores_CHW: Floats, valid_height: float, valid_width: float, temperature: float
) -> tuple[float, Floats]:
    """The contrast of a photo's scores, and how much of each band each class has.

    Args:
        scores_CHW: float32 [classes, height, width], finite.
        valid_height, valid_width: how many cells of them are photo; the rest is padding.
        temperature: by which the scores are divided.

    Returns:
        The contrast, and the classes' mean probabilities, float32 [BANDS, classes], rows summing to 1.
    """
    rows, columns = max(1, int(valid_height)), max(1, int(valid_width))
    y, x = _evenly(rows), _evenly(columns)
    cells_CYX = scores_CHW[:, y[:, None], x] / np.float32(temperature)
    highest_YX = cells_CYX.max(0)
    contrast = float((highest_YX - cells_CYX.min(0)).mean())
    power_CYX = np.exp(cells_CYX - highest_YX)
    shares_CY = (power_CYX / power_CYX.sum(0)).mean(2)
    starts = np.arange(BANDS) * len(y) // BANDS
    shares_BC = np.add.reduceat(shares_CY, starts, axis=1).T
    return contrast, shares_BC / shares_BC.sum(1, keepdims=True)


def placing_of(shares_BC: Floats, where_BC: Floats) -> float:
    """Mean log-probability of the classes where they lie, nats: a photo's shares of each band, given streets'."""
    likely_BC = (1 - _ANYWHERE) * where_BC + _ANYWHERE / where_BC.shape[1]
    return float((shares_BC * np.log(likely_BC)).sum(1).mean())


def _evenly(size: int) -> npt.NDArray[np.int64]:
    count = min(_SIDE, size)
    return np.arange(count) * size // count
