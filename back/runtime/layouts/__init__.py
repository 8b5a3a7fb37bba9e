"""Which files of a data set belong together, by their names alone: no pixels are read here."""
