"""Any graph after a declared adapter: what the source says is what the bundle says, whatever its layout."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from back.runtime.card import Card, read_card, verify_files
from back.runtime.errors import UserError
from back.runtime.taxonomy import CITYSCAPES19
from modelisation.data.open import open_dataset
from modelisation.export.bundle import read_report
from modelisation.export.importing import agreement
from modelisation.export.importing.adapter import read_adapter
from modelisation.export.importing.onnx_file import read_onnx
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import write_imported
from modelisation.export.parity import check_parity
from modelisation.models import load_bundle_model
from tests.modelisation.nearest_colour import write_noisy_stripes

COLOURS = np.array([c.color for c in CITYSCAPES19.classes], np.float32)


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SHAPES", ((96, 128), (64, 160)))
    monkeypatch.setattr(agreement, "DEFAULT_PHOTOS", Path("missing"))


def make_graph(
    path: Path, *, layout: str = "NCHW", bgr: bool = False, holds: str = "logits", opset: int = 17
) -> Path:
    """The class of the nearest of 19 colours from pixels of 0..255; with probabilities, channel 0 is no class."""
    colours = COLOURS[:, ::-1] if bgr else COLOURS
    scale = np.float32(4000)
    weight, offset = 2 * colours / scale, -(colours**2).sum(1) / scale
    if holds == "probabilities":
        weight = np.concatenate([np.zeros((1, 3)), weight])
        offset = np.concatenate([[-20.0], offset])
    nhwc = layout == "NHWC"
    nodes = [helper.make_node("Transpose", ["picture"], ["x"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes.append(helper.make_node("Conv", ["x" if nhwc else "picture", "weight", "offset"], ["logits"]))
    at = "logits"
    if holds == "probabilities":
        nodes.append(helper.make_node("Softmax", [at], ["shares"], axis=1))
        at = "shares"
    if holds == "labels":
        nodes.append(helper.make_node("ArgMax", [at], ["labels"], axis=1, keepdims=0))
        at = "labels"
    elif nhwc:
        nodes.append(helper.make_node("Transpose", [at], ["last"], perm=[0, 2, 3, 1]))
        at = "last"
    shape: list[Any] = ["n", "h", "w", 3] if nhwc else ["n", 3, "h", "w"]
    kind = TensorProto.INT64 if holds == "labels" else TensorProto.FLOAT
    out = [None, None, None] if holds == "labels" else [None, None, None, None]
    graph = helper.make_graph(
        nodes,
        "nearest",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(at, kind, out)],
        [
            numpy_helper.from_array(weight[:, :, None, None].astype(np.float32), "weight"),
            numpy_helper.from_array(offset.astype(np.float32), "offset"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def make_adapter(path: Path, **fields: Any) -> Path:
    told = {"labels": "cityscapes19", "input": {"scale": 255}, "licence": "MIT", "source": "mine"}
    path.write_text(yaml.safe_dump(told | fields), encoding="utf-8")
    return path


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
