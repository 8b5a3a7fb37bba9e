"""The serving tier: the HTTP API and the runtime below it; no torch, and nothing of training or of the dashboard."""
