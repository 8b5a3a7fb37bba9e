"""Three classes of one's own, from a folder of photos to a served model, by the README's own commands."""

import io
import re
import shlex
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from back.main import create_app
from back.runtime.card import read_card
from modelisation.__main__ import main
from modelisation.data.open import open_dataset
from modelisation.export.bundle import read_report
from modelisation.export.from_run import export_run
from modelisation.notebooks.own_photos import write_own_photos
from modelisation.provenance import REPOSITORY
from tests.api import Store, serving
from tests.modelisation.runs import run_folder
from tests.modelisation.tiny import write_data

CLASSES = re.compile(r"^```yaml\n(name: garden.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```bash\n(python -m modelisation doctor path/to/photos\n.*?)^```", re.MULTILINE | re.DOTALL)
# A run of seconds in place of minutes; everything else is as the page says.
SMALL = ["epochs=1", "epoch_samples=16", "batch_size=4", "lr=2e-3", "warmup_steps=2", "precision='no'", "workers=0",
         "pixel_budget=8192", "augmentation.crop=[64,64]", "ema_decay=0"]  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder as the README describes it: rendered streets, labelled as path, lawn and house."""
    page = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    root = tmp_path / "photos"
    write_own_photos(root, 8, (64, 128))
    found = CLASSES.search(page)
    assert found
    (root / "classes.yaml").write_text(found[1], encoding="utf-8")
    return root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A bundle of three convolutions in place of the page's, which takes a minute to train and to export."""
    run_folder(tmp_path / "first")
    return export_run(
        tmp_path / "first", open_dataset(write_data(tmp_path / "scenes", train=0), "val"), scores_only=True
    )


@pytest.mark.slow
def test_the_readmes_commands_lead_from_a_folder_to_a_served_model(
    photos: Path,
    model: Path,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setattr("modelisation.registry.versions.CACHE", tmp_path / "cache")
    # After a few steps many pixels lie between two classes, which bf16 rounds either way.
    monkeypatch.setattr("back.runtime.engines.precision.has_bf16", lambda core: False)
    found = COMMANDS.search((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert found
    try:
        for line in found[1].splitlines():
            arguments = shlex.split(line)[3:]
            for theirs, ours in (
                ("path/to/photos", photos),
                ("masks", tmp_path / "masks"),
                ("modelisation/bundled/deeplabv3plus", model),
            ):
                arguments = [argument.replace(theirs, str(ours)) for argument in arguments]
            if arguments[0] == "evaluate":
                arguments += ["--latency-runs", "0"]
            if arguments[0] == "train":
                arguments[1] = str(REPOSITORY / arguments[1])
                # Times of serving and worse photos are other tests' business.
                arguments += [
                    "--scores-only",
                    "--run-dir",
                    str(tmp_path / "run"),
                    *(a for one in SMALL for a in ("--set", one)),
                ]
            assert main(arguments) == 0, line
    finally:
        mlflow.end_run()
    said = capsys.readouterr().out
    assert read_card(tmp_path / "run" / "bundle").robustness == {}
    assert read_report(tmp_path / "run" / "bundle")["evaluation"]["latency"] is None
    assert "its last layer is new, for the classes of garden in place of street8" in said
    assert "no faults found" in said or "warning" in said

    with serving(create_app(store.settings())) as api:
        classes = api.get("/classes?model=garden").json()
        assert [one["name"] for one in classes["classes"]] == ["path", "lawn", "house"]
        assert classes["classes"][0]["color"] == [128, 64, 128]
        photo = next((photos / "images").iterdir()).read_bytes()
        answer = api.post("/predict?model=garden", files={"image": photo})
        mask = Image.open(io.BytesIO(answer.content))
    colours = [tuple(one["color"]) for one in classes["classes"]]
    assert mask.size == (128, 64)
    assert {tuple(c) for c in np.asarray(mask.convert("RGB")).reshape(-1, 3).tolist()} <= set(colours)
    with Image.open(tmp_path / "masks" / "garden00_1.png") as written:
        assert written.getpalette()[:9] == [value for colour in colours for value in colour]
