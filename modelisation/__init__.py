"""The training tier: data, models, training, evaluation, export and registry of street-scene segmentation models;
serves nothing."""
