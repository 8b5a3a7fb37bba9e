"""A model, or two, over a folder of photos with labels: unpacked, paired, scored, and cut into slices."""
