"""What stands between strangers and the routes: connections, uploads, keys, rates, and what answers tell."""
