"""Every notebook runs from top to bottom without data, in half a minute, and is committed without outputs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:  # importing them takes seconds, and one worker alone runs notebooks
    from jupyter_client import KernelManager
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "modelisation" / "notebooks").glob("*.ipynb"))
BUNDLES = [ROOT / "modelisation" / "bundled" / name for name in ("deeplabv3plus", "segformer")]
SECONDS = 30
# The parameter that says where a notebook writes.
OUTPUTS = {
    "02_train_deeplabv3plus": "run_dir",
    "03_train_segformer": "run_dir",
    "05_search": "study_file",
    "06_train_mask2former": "run_dir",
    "07_own_classes": "run_dir",
}
# Drawing the figures as large as a reader gets them takes a seventh of all the time.
DOTS_PER_INCH = 30
# Each kind of layer once: what takes longest of a short run is to write its graph.
FEWER_LAYERS = {
    "03_train_segformer": ["build.depths=[1, 1, 1, 1]"],
    "06_train_mask2former": [
        "build.encoder_layers=1",
        "build.decoder_layers=2",
        "build.backbone.depths=[1, 1, 1, 1]",
    ],
}


def read(path: Path) -> "NotebookNode":
    import nbformat

    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_committed_without_outputs_and_says_what_to_expect(path):
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    first = notebook.cells[0].source
    assert "**Expect:**" in first
    assert "renders street scenes" in first
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert max(len(cell.source.splitlines()) for cell in code) <= 25, "a notebook calls the package and shows"


@pytest.fixture(scope="module")
def kernel() -> "Iterator[KernelManager]":
    """One kernel for all notebooks: importing PyTorch and MLflow takes longer than most of what they do."""
    from jupyter_client import KernelManager

    # As in a terminal that has no inline backend: the figures must come as pictures all the same.
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(ROOT), env=os.environ | {"MPLBACKEND": "agg"})
    yield manager
    manager.shutdown_kernel(now=True)


def processor_seconds(manager: "KernelManager") -> float:
    """Of a kernel and of its children that have ended."""
    return sum(psutil.Process(manager.provisioner.pid).cpu_times()[:4])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_without_data(path, tmp_path, tracking_uri, kernel):
    import papermill
    from nbformat.v4 import new_code_cell

    output = OUTPUTS.get(path.stem)
    parameters: dict[str, object] = {output: str(tmp_path / "output")} if output else {}
    if path.stem in FEWER_LAYERS:
        parameters["overrides"] = FEWER_LAYERS[path.stem]
    notebook = read(path)
    # Nothing is left of the notebook before: no name, no store. What it has imported stays, and `%reset`, which
    # collects garbage, need not look through it again.
    environment = {"MLFLOW_TRACKING_URI": tracking_uri}
    fresh = f"""%reset -f
import gc, os, matplotlib
gc.freeze(); os.environ.update({environment!r}); matplotlib.rcParams["figure.dpi"] = {DOTS_PER_INCH}
del gc, os, matplotlib"""
    notebook.cells.insert(0, new_code_cell(fresh))
    before = processor_seconds(kernel)
    executed = papermill.execute_notebook(
        notebook, tmp_path / path.name, parameters=parameters, kernel_name="python3", progress_bar=False, km=kernel
    )
    used = processor_seconds(kernel) - before
    shown = json.dumps([cell.outputs for cell in executed.cells if cell.cell_type == "code"])
    assert "scenes rendered by this project" in shown
    assert "image/png" in shown
    # Twice the promise, which is of the clock on two cores. Processor seconds, since the tests share the cores.
    assert used < 2 * 2 * SECONDS, f"took {used:.0f} processor seconds"
