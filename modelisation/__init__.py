"""The training tier: data, models, training, export and evaluation of street-scene segmentation models."""
