"""Addresses of pages outside the dashboard."""


def training_view(url: str) -> str:
    """A page of MLflow in its view for training: without being asked, it opens the one for language models."""
    return f"{url}{'&' if '?' in url else '?'}workflowType=machine_learning"


def experiment_view(mlflow_url: str, experiment_id: str) -> str:
    """The list of an experiment's training runs in MLflow."""
    return training_view(f"{mlflow_url}/#/experiments/{experiment_id}/runs")
