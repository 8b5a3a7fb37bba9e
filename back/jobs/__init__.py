"""Clips and folders of photos, worked on in the background: a queue on disk, and a process of its own for each."""
