"""Labelling photos that have no labels, through the runtime that serves; scoring is in `modelisation/evaluation`."""
