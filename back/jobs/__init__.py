"""Clips that are labelled in the background: a queue on disk, worked off in processes of their own."""
