"""What a photo's file says before its pixels are decoded, by parsers of our own with bounded work; no pixels here."""
