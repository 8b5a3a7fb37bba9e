"""The photos and label files that people bring: adding, keeping, choosing; not what is done with them."""
