"""Networks of other libraries behind `SegmentationModel`: what was trained elsewhere is measured and served here."""
