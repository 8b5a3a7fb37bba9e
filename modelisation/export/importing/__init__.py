"""Foreign weights as bundles: from hubs, folders and files, checked against the library that they came from."""
