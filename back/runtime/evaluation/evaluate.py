"""A split of labelled photos scored by one model or two: a few photos at a time, a bad one never ends it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from back.runtime.errors import InputError, UserError
from back.runtime.evaluation.collect import Collected
from back.runtime.evaluation.score import Scored, Scorer
from back.runtime.headers.base import ImageError
from back.runtime.labels.read import LabelFileError
from back.runtime.layouts.listing import Pair, shown
from back.runtime.taxonomy import LabelValueError
from back.runtime.upsample import ScoresError

_AT_ONCE, _AHEAD = 2, 4
# What is wrong with one picture.
_BAD = (InputError, ImageError, LabelFileError, LabelValueError, ScoresError, OSError)


@dataclass(frozen=True)
class Refused:
    """A picture that could not be scored, and why: a sentence."""

    name: str
    why: str


def score_all(
    scorer: Scorer, collected: Collected, progress: Callable[[int, int, int], object]
) -> tuple[list[Scored], list[Refused]]:
    """Score every pair, in order.

    Args:
        progress: called after each with how many are scored, how many are worked off, and of how many.

    Raises:
        UserError: not one could be scored.
    """
    scored: list[Scored] = []
    refused: list[Refused] = []
    pairs = collected.pairs
    for pair, future in _worked_off(scorer, pairs):
        try:
            scored.append(future.result())
        except _BAD as error:
            refused.append(Refused(shown(pair.name), _sentence(error)))
        progress(len(scored), len(scored) + len(refused), len(pairs))
    if not scored:
        raise UserError(f"None of the {len(pairs)} pictures could be scored; of {refused[0].name}: {refused[0].why}")
    if not any(one.models[0].matrix.any() for one in scored):
        raise UserError("Not one pixel is labelled: as this kind of label, every value means that nothing is known")
    return scored, refused


def _worked_off(scorer: Scorer, pairs: tuple[Pair, ...]) -> Iterator[tuple[Pair, "Future[Scored]"]]:
    with ThreadPoolExecutor(_AT_ONCE, "score") as pool:
        waiting: deque[tuple[Pair, Future[Scored]]] = deque()
        try:
            for number, pair in enumerate(pairs):
                waiting.append((pair, pool.submit(scorer.score, number, pair)))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()


def _sentence(error: Exception) -> str:
    if isinstance(error, LabelFileError):
        return f"The label cannot be read: {error.detail.rstrip('.')}."
    if isinstance(error, OSError):
        return f"It cannot be read: {(error.strerror or str(error)).lower()}."
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
