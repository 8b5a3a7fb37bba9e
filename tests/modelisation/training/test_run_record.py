"""What a run says of itself, epoch by epoch."""

import json
from pathlib import Path

import pytest

from modelisation.data.base import Item, SegmentationDataset
from modelisation.training.checkpoint import Progress
from modelisation.training.run_record import describe_split, epoch_line

EVALUATED = {"loss": 0.5, "miou": 0.61234, "class_iou": {"road": 0.9, "sky": None}}


@pytest.mark.parametrize(
    ("waited", "said"), [(0.2, "data wait 2.0%"), (0.4, "data wait 4.0%, too much: raise workers")]
)
def test_the_line_of_an_epoch_warns_of_a_network_that_waits_for_data(waited, said):
    progress = Progress(epoch=2, batch=4, loss_sum=2.0, train_seconds=10.0, wait_seconds=waited)
    line = epoch_line(progress, EVALUATED)
    assert line.startswith("epoch 3: train 0.500 val 0.500 mIoU 0.6123 (road 0.90) ")
    assert line.endswith(said)


def test_a_made_split_is_recorded_with_its_rule_and_names():
    train, val = (
        SegmentationDataset(
            "mine",
            split,
            [Item(name, Path(name), Path(name), "") for name in names],
            source="street8",
            taxonomy="street8",
            licence="mine",
            split_rule="by clips",
        )
        for split, names in (("train", ("a_1", "a_2")), ("val", ("b_1",)))
    )
    assert json.loads(describe_split(train, val)) == {"rule": "by clips", "train": ["a_1", "a_2"], "val": ["b_1"]}
