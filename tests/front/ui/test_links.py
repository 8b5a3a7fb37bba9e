"""Links into MLflow: the installed release understands them, and shows the view for training."""

from importlib.util import find_spec
from pathlib import Path

from front.ui.links import experiment_view, training_view


def pages_of_mlflow() -> str:
    """The script that holds the addresses of MLflow's own pages."""
    found = find_spec("mlflow")
    assert found is not None
    assert found.origin is not None
    (script,) = (Path(found.origin).parent / "server" / "js" / "build" / "static" / "js").glob("main.*.js")
    return script.read_text(encoding="utf-8")


def test_the_installed_mlflow_has_these_addresses_and_takes_the_view_from_them() -> None:
    name, value = training_view("").removeprefix("?").split("=")
    script = pages_of_mlflow()
    assert f'get("{name}")' in script
    assert f'MACHINE_LEARNING="{value}"' in script
    for address in ("/experiments/:experimentId/runs", "/experiments/:experimentId/runs/:runUuid"):
        assert f'"{address}"' in script


def test_a_view_is_asked_for_beside_what_the_address_asks_already() -> None:
    assert training_view("http://m/#/experiments/1/runs/a") == (
        "http://m/#/experiments/1/runs/a?workflowType=machine_learning"
    )
    assert training_view("http://m/#/x?a=b") == "http://m/#/x?a=b&workflowType=machine_learning"
    assert experiment_view("http://m", "1") == "http://m/#/experiments/1/runs?workflowType=machine_learning"
