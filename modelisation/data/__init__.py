"""The one reader of every data layout: pictures as uint8 RGB with label maps in one class set; no torch, no
augmentation."""
