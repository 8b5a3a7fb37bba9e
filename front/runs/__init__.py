"""The Runs page: training curves and parameters from MLflow; scores of registered models are in `front/benchmark`."""
