"""The notebooks, and the few functions that only they call."""
