"""Several replicas of the API behind one address."""
