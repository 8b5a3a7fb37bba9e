"""Charts, colours and names that several pages use; knows no page and asks the API nothing."""
