"""The Segment page: masks of one photo or many, and their downloads; comparing is in `front/compare`."""
