"""Many trainings of one recipe: random search and ablations; one training is in `modelisation/training`."""
