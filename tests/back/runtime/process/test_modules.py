"""What the service's processes import, and that the garbage collector is back afterwards."""

import gc
import importlib.util
import subprocess
import sys

import pytest

from back.runtime.process.modules import quick_imports, without


def test_the_client_of_mlflow_and_the_kernels_do_without_what_nothing_here_uses() -> None:
    program = (
        "import sys; from back.runtime.process.modules import leave_out_unused; leave_out_unused(); "
        "import back.runtime.predictor, mlflow.artifacts; from mlflow import MlflowClient; "
        "print([m for m in ('pandas', 'pyarrow', 'scipy', 'matplotlib') if sys.modules[m] is not None])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_collector_is_as_before_whatever_happens() -> None:
    on = []

    def fail() -> None:
        with quick_imports(), quick_imports():
            on.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert (on, gc.isenabled()) == ([False], True)


def test_what_is_hidden_is_found_again_and_what_was_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with without("this", "gc"):
        assert importlib.util.find_spec("this") is None
        assert importlib.import_module("gc") is gc
        with pytest.raises(ImportError):
            importlib.import_module("this")
    assert importlib.util.find_spec("this") is not None
