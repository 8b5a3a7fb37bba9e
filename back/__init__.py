"""The serving tier: inference runtime and HTTP API. Imports no torch and nothing of the other tiers."""
