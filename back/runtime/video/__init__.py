"""Clips: decoded frame by frame, labelled as photos are, and written as an overlay, class maps and a table."""
