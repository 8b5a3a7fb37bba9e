"""Any graph after a declared adapter: what the source says is what the bundle says, whatever its layout."""

from pathlib import Path
from typing import Any

import pytest

from back.runtime.card import Card, read_card, verify_files
from back.runtime.errors import UserError
from modelisation.data.open import open_dataset
from modelisation.export.bundle import read_report
from modelisation.export.importing import agreement
from modelisation.export.importing.adapter import read_adapter
from modelisation.export.importing.onnx_file import read_onnx
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import write_imported
from modelisation.export.parity import check_parity
from modelisation.models import load_bundle_model
from tests.modelisation.export.importing.graphs import make_adapter, make_graph
from tests.modelisation.nearest_colour import write_noisy_stripes


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SHAPES", ((96, 128), (64, 160)))
    monkeypatch.setattr(agreement, "DEFAULT_PHOTOS", Path("missing"))


def import_graph(folder: Path, graph: Path, adapter: Path, classes: str | None = None) -> Card:
    folder.mkdir()
    write_imported(
        read_onnx(graph, read_adapter(adapter), Wishes("mine", classes, pixel_budget=96 * 128), folder), folder, None
    )
    return read_card(folder)


@pytest.mark.parametrize(
    ("graph", "adapter", "classes"),
    [
        ({}, {}, None),
        ({"opset": 11}, {}, "street8"),
        ({"opset": 18}, {}, "street8"),
        ({"layout": "NHWC", "bgr": True}, {"input": {"layout": "NHWC", "colour": "BGR", "scale": 255},
                                           "output": {"layout": "NHWC"}}, "street8"),
        ({"holds": "probabilities"}, {"output": {"holds": "probabilities", "drop": [0]}}, "street8"),
        ({"holds": "labels"}, {"output": {"holds": "labels"}}, "street8"),
    ],
)  # fmt: skip
def test_the_bundle_gives_the_labels_of_the_graph(
    graph: dict[str, Any], adapter: dict[str, Any], classes: str | None, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    file = make_graph(tmp_path / "net.onnx", **graph)
    card = import_graph(bundle, file, make_adapter(tmp_path / "card.yaml", **adapter), classes)
    verify_files(bundle, card)
    report = read_report(bundle)["library_parity"]
    assert min(share for engine in report["engines"] for share in engine["agreement"].values()) > 0.999
    assert card.origin is not None
    assert (card.origin.source, card.origin.licence) == ("mine", "MIT")
    assert "model.safetensors" not in card.files


def test_its_graph_is_the_reference_where_there_is_no_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("back.runtime.engines.precision.has_bf16", lambda core: False)
    bundle = tmp_path / "bundle"
    import_graph(bundle, make_graph(tmp_path / "net.onnx"), make_adapter(tmp_path / "card.yaml"), "street8")
    assert load_bundle_model(bundle).architecture == "onnx"
    report = check_parity(bundle, open_dataset(write_noisy_stripes(tmp_path / "data"), "val", "street8"))
    assert report["passed"] is True


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": "no-such-set"}, "labels: no-such-set is no class set"),
        ({"labels": ["road", "sky"]}, "gives 19 channels where its YAML file names 2"),
        ({"input": {"layout": "NHWC"}}, "which is no picture of three colours in the layout NHWC"),
        ({"output": {"name": "scores"}}, "has no output scores; it has logits"),
        ({"input": {"colours": "RGB"}}, "input.colours"),
    ],
)
def test_an_adapter_that_does_not_fit_is_one_sentence(fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    graph = make_graph(tmp_path / "net.onnx")
    with pytest.raises(UserError, match=said):
        import_graph(tmp_path / "bundle", graph, make_adapter(tmp_path / "card.yaml", **fields))


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no graph")
    with pytest.raises(UserError, match=r"is no ONNX file|cannot load it"):
        import_graph(tmp_path / "bundle", tmp_path / "net.onnx", make_adapter(tmp_path / "card.yaml"))
    with pytest.raises(UserError, match="no such file"):
        read_adapter(tmp_path / "missing.yaml")
