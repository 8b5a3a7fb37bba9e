"""Names in MLflow on which training, which writes them, and serving, which reads them, must agree."""

EXPERIMENT = "streetseg"  # holds every training run, search, ablation and comparison
CHAMPION, CANDIDATE = "champion", "candidate"  # aliases of a registered model's version: served, and to be judged

# Artifacts of a run: a few photos of its validation split, their labels, and the network's labels after an epoch.
PANEL_FOLDER, PANEL_PHOTOS, PANEL_TRUTH = "panel", "photos.jpg", "truth.png"


def panel_file(epoch: int) -> str:
    """The name of the picture of an epoch, which counts from 1."""
    return f"epoch-{epoch:05d}.png"


def epoch_of(file: str) -> int | None:
    """The epoch that a file of the panel is of; None where it is of none."""
    number = file.removeprefix("epoch-").removesuffix(".png")
    return int(number) if number.isascii() and number.isdigit() and file == panel_file(int(number)) else None
