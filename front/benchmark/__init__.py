"""The Benchmark page: its table, charts and numbers; intervals come from the API."""
