"""Numbers only: scores, calibration, robustness, latency, cost; draws no figure and writes no page."""
