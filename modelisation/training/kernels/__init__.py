"""Faster gradients for CPUs, each with its measured worth; the networks are in `modelisation/models`."""
