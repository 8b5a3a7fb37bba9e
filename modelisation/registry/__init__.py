"""Models and runs in MLflow, and the bundled ones; needs no torch."""
