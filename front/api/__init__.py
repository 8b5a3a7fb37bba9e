"""Everything that talks to the HTTP API: client, errors, waiting, answers kept; draws no page of its own."""
