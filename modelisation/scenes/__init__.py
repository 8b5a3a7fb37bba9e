"""Procedural street scenes with exact Cityscapes annotation, from numpy and Pillow alone; reading them back is in
`modelisation/data`."""
