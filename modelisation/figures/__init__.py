"""Everything that draws with matplotlib; the numbers come from other rooms."""
