"""The training loop and what it needs: loss, average of weights, checkpoints, tracking; start with `fit.py`.
Searching is in `modelisation/tuning`."""
