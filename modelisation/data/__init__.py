"""Data sets: pictures as uint8 RGB with label maps in one taxonomy. Imports no torch."""

from modelisation.data.base import DatasetError, Item, Sample, SegmentationDataset
from modelisation.data.open import open_dataset

__all__ = ["DatasetError", "Item", "Sample", "SegmentationDataset", "open_dataset"]
