"""Tests of what Label Studio's ML backend is made of."""
