"""From data set to batch: decoded pictures, augmentation, drawing; files are read in `modelisation/data`."""
