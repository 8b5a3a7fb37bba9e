"""What follows the last step: the bundle of a run, and its place in the registry.

What that takes is slow to import, and no step needs it. It is imported beside the training, a minute in: not before
the first step, which would wait for it, and not hours later, when the clone may hold other code.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelisation.data.open import open_dataset
from modelisation.recipe import Recipe

_IMPORT_AFTER_S = 60.0


@contextmanager
def imported_meanwhile() -> Iterator[None]:
    """Import what `finish` needs while the block runs, unless that is done before."""
    timer = threading.Timer(_IMPORT_AFTER_S, _import)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _import() -> None:
    import modelisation.registry.unregistered  # noqa: F401


def finish(recipe: Recipe, data: Path, run_dir: Path, *, register: bool, scores_only: bool) -> Path:
    """Make the bundle of a run that has trained, and register it as `candidate`; returns the bundle's folder.

    Args:
        recipe, data, run_dir: what was trained.
        register: whether to add the bundle to the MLflow registry.
        scores_only: see `export_run`.

    Raises:
        as `export_run` and `register_run`.
    """
    from modelisation.export.from_run import export_run
    from modelisation.registry.register import register_run
    from modelisation.registry.unregistered import tell_unregistered

    val_set = open_dataset(data, recipe.val_split, recipe.taxonomy)
    train_set = open_dataset(data, recipe.train_split, recipe.taxonomy)
    bundle = export_run(run_dir, val_set, train_set, scores_only=scores_only)
    if register:
        register_run(bundle)
    else:
        tell_unregistered(bundle)
    return bundle
