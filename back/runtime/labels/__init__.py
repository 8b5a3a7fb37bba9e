"""Label files: from a PNG to the ids that its pixels say."""
