"""`import` as it is called, and every other command on what was imported."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from back.main import create_app
from back.runtime.card import read_card
from back.runtime.errors import UserError
from back.runtime.taxonomy import STREET8
from modelisation.__main__ import main
from modelisation.data.class_sets import class_set
from modelisation.export.bundle import read_report
from modelisation.export.gate import parity_failure
from modelisation.export.importing import agreement
from modelisation.provenance import REPOSITORY
from modelisation.recipe import load_recipe
from modelisation.registry.versions import resolve_model
from modelisation.training.setup import begin_with, build_from_recipe
from tests.api import PHOTO, Store, new_store, serving, trusted
from tests.bundles import rewrite_card
from tests.modelisation.export.importing.families import change_json, save

__all__ = ["trusted"]


@dataclass(frozen=True)
class Imported:
    """What the command left behind: the bundle of --out, a store with the model in it, and what it printed."""

    source: Path
    bundle: Path
    store: Store
    said: str


@pytest.fixture(scope="module", autouse=True)
def small_scenes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "SHAPES", ((96, 128), (64, 160)))
        patch.setattr(agreement, "DEFAULT_PHOTOS", Path("missing"))
        patch.setattr("back.runtime.engines.precision.has_bf16", lambda core: False)
        yield


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Imported:
    """A SegFormer of 19 labels, imported once as street8; with a fixed size, which takes a third of the time."""
    folder = tmp_path_factory.mktemp("imported")
    source = save("segformer", folder / "source")
    (source / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    store = new_store(folder / "store", empty_database)
    photos = folder / "photos"
    photos.mkdir()
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(photos / "grey.png")
    out = folder / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store.uri)
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        arguments = ["import", "hf", str(source), "--name", "foreign", "--classes", "street8", "--size", "128x96"]
        assert main([*arguments, "--photos", str(photos), "--out", str(out)]) == 0, printed
    return Imported(source, out, store, "\n".join(printed))


def test_it_says_what_became_of_the_labels_and_how_far_the_engines_agree(imported: Imported) -> None:
    assert "licence: mit" in imported.said
    assert "  bus                          -> vehicle" in imported.said
    assert "openvino gives the labels of transformers" in imported.said
    assert "of the pixels of photos" in imported.said
    assert "fixed to 128x96 pixels" in imported.said
    assert "Registered foreign version 1 as candidate" in imported.said


def test_the_card_says_where_the_weights_come_from(imported: Imported) -> None:
    card = read_card(imported.bundle)
    assert card.taxonomy.same_classes(STREET8)
    assert card.origin is not None
    assert card.origin.licence == "mit"
    assert set(card.origin.sha256) == {"model.safetensors"}
    assert card.training is None
    report = read_report(imported.bundle)["library_parity"]
    assert report["passed"] is True
    assert min(share for engine in report["engines"] for share in engine["agreement"].values()) >= 0.995


def test_it_is_evaluated_predicts_and_becomes_champion(
    imported: Imported, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", imported.store.uri)
    result = tmp_path / "scores.json"
    common = ["--data", str(scenes)]
    evaluate = ["evaluate", str(imported.bundle), *common, "--json", str(result), "--latency-runs", "0"]
    assert main(evaluate) == 0
    assert len(json.loads(result.read_text(encoding="utf-8"))["class_iou"]) == 8
    photo = next((scenes / "leftImg8bit").rglob("*.png"))
    assert main(["predict", str(imported.bundle), str(photo), "--out", str(tmp_path / "masks")]) == 0
    assert list((tmp_path / "masks").glob("*.png"))
    assert main(["promote", "foreign", *common]) == 0
    champion = resolve_model(
        "models:/foreign@champion", tracking_uri=imported.store.uri, cache_dir=tmp_path / "cache"
    )
    assert parity_failure(champion) is None
    with serving(create_app(imported.store.settings())) as api:
        assert api.post("/predict?model=foreign", files={"image": PHOTO}).status_code == 200
        (entry,) = api.get("/models").json()["models"]
        assert entry["weights_licence"] == "mit"
        assert api.get("/models/foreign").json()["card"]["origin"]["labels"]["bus"] == "vehicle"


def test_without_the_librarys_labels_it_cannot_become_champion(imported: Imported, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in imported.bundle.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    change_json(copy / "report.json", library_parity=None, parity={"passed": True})
    assert "was not compared with the library" in str(parity_failure(copy))


@pytest.mark.parametrize("classes", ["street8", "cityscapes7"])
def test_training_goes_on_from_it_for_other_classes_too(imported: Imported, classes: str) -> None:
    recipe = begin_with(load_recipe(REPOSITORY / "modelisation/recipes/segformer.yaml"), imported.bundle)
    model = build_from_recipe(recipe, class_set(classes).taxonomy)
    picture, label = torch.rand(1, 3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.long)
    loss = model.loss(picture, label, torch.nn.CrossEntropyLoss())
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert ("its last layer is new" in model.initialisation) == (classes != "street8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "onnx"}, "came as a graph without a network"),
        ({"build": {"only_size": [64, 64]}}, "takes pictures of one size alone"),
    ],
)
def test_what_cannot_be_trained_further_says_so(
    imported: Imported, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    (tmp_path / "model.json").write_bytes((imported.bundle / "model.json").read_bytes())
    recipe = load_recipe(REPOSITORY / "modelisation/recipes/segformer.yaml")
    with pytest.raises(UserError, match=said):
        begin_with(recipe, rewrite_card(tmp_path, **changes))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "Foreign"], "a model's name is of small letters"),
        (["--name", "foreign", "--no-register"], "--no-register keeps nothing without --out"),
        (["--name", "foreign", "--classes", "camvid32"], "no class of camvid32 for its labels"),
        (["--name", "foreign", "--classes", "street8", "--map", "bus=tank"], "street8 has no such class"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence_and_leaves_nothing(
    imported: Imported,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")
    assert main(["import", "hf", str(imported.source), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_graph_that_differs_from_its_library_is_not_imported(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {"scenes": [np.zeros((96, 128, 3), np.uint8)]}
    wrong = {"scenes": [np.full((96, 128), 200, np.uint8)]}
    with pytest.raises(UserError, match=r"gives the labels of transformers on 0\.00% of the pixels of scenes"):
        agreement.check_agreement(imported.bundle, pictures, wrong, "transformers")


def test_a_folder_that_holds_something_is_not_written_into(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    arguments = ["import", "hf", str(imported.source), "--name", "foreign", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
