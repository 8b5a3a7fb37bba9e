"""What each training metric means and how to read its curve: one sentence each, for people new to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricInfo:
    """A metric of a run: its title, its unit, how to read it, and which direction is good."""

    title: str
    unit: str
    reading: str
    log: bool = False


METRICS: dict[str, MetricInfo] = {
    "train_loss": MetricInfo(
        "Training loss",
        "loss",
        "What training minimises; it should fall quickly, then slowly. A jump up means steps that are too large.",
    ),
    "val_loss": MetricInfo(
        "Validation loss",
        "loss",
        "The same measure on images that training never sees; when it rises while training loss still falls, "
        "the model learns its images by heart.",
    ),
    "val_miou": MetricInfo(
        "Validation mIoU",
        "mIoU",
        "Overlap of prediction and truth, averaged over the classes, so a rare class counts as much as the road; "
        "1 is perfect. This is the number to choose a model by.",
    ),
    "val_pixel_accuracy": MetricInfo(
        "Validation pixel accuracy",
        "fraction of pixels",
        "Share of pixels that are right. Large classes decide it: a model that misses every pedestrian can "
        "score 0.95.",
    ),
    "images_per_second": MetricInfo(
        "Training speed",
        "images a second",
        "How fast training goes on that machine; a drop in the middle means that something else wanted it.",
    ),
    "learning_rate": MetricInfo(
        "Learning rate",
        "step size",
        "How large the optimiser's steps are by plan; bends in the loss often sit where this bends.",
    ),
    "epoch_seconds": MetricInfo(
        "Seconds an epoch",
        "seconds",
        "Time for one pass over the training images, validation included; times the epochs it is the run's length.",
    ),
}

CLASS_IOU_PREFIX = "val_iou_"


def info_of(metric: str) -> MetricInfo:
    """The description of a metric; IoU of a class is made from its name, others show their raw name."""
    if metric in METRICS:
        return METRICS[metric]
    if metric.startswith(CLASS_IOU_PREFIX):
        name = metric.removeprefix(CLASS_IOU_PREFIX).replace("_", " ")
        return MetricInfo(
            f"Validation IoU of {name}",
            "IoU",
            f"Pixels of {name} that prediction and truth share, over those that either has; 1 is perfect. "
            "Rare classes jump from epoch to epoch.",
        )
    return MetricInfo(metric, "value", "Logged by the run; the project has no description of it.")
