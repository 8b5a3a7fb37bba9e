"""Names in MLflow on which training, which writes them, and serving, which reads them, must agree."""

EXPERIMENT = "streetseg"  # holds every training run, search, ablation and comparison
CHAMPION, CANDIDATE = "champion", "candidate"  # aliases of a registered model's version: served, and to be judged
