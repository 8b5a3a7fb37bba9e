"""The page Video: a clip in, its colours beside it, and what it shows over time."""
