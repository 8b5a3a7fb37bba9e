"""What looks for faults in a data set before training; reads through `modelisation/data` and changes nothing."""
