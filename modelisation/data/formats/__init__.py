"""Readers of other tools' and data sets' label formats: one file a format, behind the interface of `base.py`."""
