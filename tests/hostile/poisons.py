"""What strangers may put into a bundle: a function for each, and the sentence that refuses it."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from back.runtime.card import CARD_FILE, HISTORY_FILE, ONNX_FILE, REPORT_FILE
from tests.hostile.poison import change_card, change_network, failing_self_test, vouch

Poison = Callable[[Path], object]


class Canary:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sang")


def canary_of(bundle: Path) -> Path:
    return bundle.parent / "canary"


def _code(bundle: Path) -> str:
    return f"from pathlib import Path\nPath({str(canary_of(bundle))!r}).write_text('sang')\n"


def _add_pickle(bundle: Path) -> None:
    (bundle / "model.pkl").write_bytes(pickle.dumps(Canary(canary_of(bundle))))


def _pickle_as_weights(bundle: Path) -> None:
    (bundle / ONNX_FILE).write_bytes(pickle.dumps(Canary(canary_of(bundle))))
    vouch(bundle)


def _loader_module(bundle: Path) -> None:
    flavours = "{python_function: {loader_module: evil, code: code}}"
    (bundle / "MLmodel").write_text(f"flavors: {flavours}\n", encoding="utf-8")
    (bundle / "evil.py").write_text(_code(bundle), encoding="utf-8")


def _code_folder(bundle: Path) -> None:
    (bundle / "code").mkdir()
    (bundle / "code" / "sitecustomize.py").write_text(_code(bundle), encoding="utf-8")


def _external(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "weight")
    external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")


def _external_data(bundle: Path) -> None:
    weight = numpy_helper.to_array(onnx.load(bundle / ONNX_FILE).graph.initializer[0])
    (bundle / "weights.bin").write_bytes(weight.tobytes())
    change_network(bundle, _external)
    vouch(bundle, "weights.bin")


def _external_data_in_a_hidden_file(bundle: Path) -> None:
    def hidden(model: onnx.ModelProto) -> None:
        _external(model)
        for entry in model.graph.initializer[0].external_data:
            if entry.key == "location":
                entry.value = ".weights.bin"

    (bundle / ".weights.bin").write_bytes(b"\0" * 10_000)
    change_network(bundle, hidden)


def _external_constant(bundle: Path) -> None:
    def constant(model: onnx.ModelProto) -> None:
        tensor = numpy_helper.from_array(np.zeros(1, np.float32), "c")
        external_data_helper.set_external_data(tensor, "/etc/passwd")
        model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))

    change_network(bundle, constant)


def linked(name: str) -> Poison:
    def link(bundle: Path) -> None:
        outside = bundle.parent / f"outside-{name}"
        shutil.move(bundle / name, outside)
        (bundle / name).symlink_to(outside)

    return link


def _foreign_operator(bundle: Path) -> None:
    def foreign(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "com.evil"
        model.opset_import.append(helper.make_opsetid("com.evil", 1))

    change_network(bundle, foreign)


def _function(bundle: Path) -> None:
    def own(model: onnx.ModelProto) -> None:
        node = helper.make_node("Identity", ["x"], ["y"])
        model.functions.append(helper.make_function("", "F", ["x"], ["y"], [node], model.opset_import))

    change_network(bundle, own)


def _loop(bundle: Path) -> None:
    """2^40 steps in a few hundred bytes."""

    def loop(model: onnx.ModelProto) -> None:
        condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
        counter = helper.make_tensor_value_info("i", TensorProto.INT64, [])
        body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [counter, condition], [])
        body.output.append(helper.make_tensor_value_info("d", TensorProto.BOOL, []))
        model.graph.initializer.append(numpy_helper.from_array(np.array(2**40), "steps"))
        model.graph.node.append(helper.make_node("Loop", ["steps", ""], [], body=body))

    change_network(bundle, loop)


def _unlisted_loop(bundle: Path) -> None:
    """A graph within an operator that has another name than those known to hold one."""

    def graph(model: onnx.ModelProto) -> None:
        model.graph.node[0].attribute.append(helper.make_attribute("body", helper.make_graph([], "g", [], [])))

    change_network(bundle, graph)


def _two_inputs(bundle: Path) -> None:
    def second(model: onnx.ModelProto) -> None:
        model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
        model.graph.node.append(helper.make_node("Add", ["scores", "more"], ["sum"]))
        model.graph.output[0].name = "sum"

    change_network(bundle, second)


def _four_channels(bundle: Path) -> None:
    def four(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
        weight = numpy_helper.to_array(model.graph.initializer[0])
        model.graph.initializer[0].CopyFrom(
            numpy_helper.from_array(np.concatenate([weight, weight[:, :1]], 1), "weight")
        )

    change_network(bundle, four)


def _nan_weights(bundle: Path) -> None:
    def nan(model: onnx.ModelProto) -> None:
        weight = numpy_helper.to_array(model.graph.initializer[0])
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight * np.float32(np.nan), "weight"))

    change_network(bundle, nan)


def _card(*path: str, value: object) -> Poison:
    """Set one value of the card."""

    def poison(bundle: Path) -> None:
        def change(card: dict[str, Any]) -> None:
            at = card
            for key in path[:-1]:
                at = at[int(key)] if isinstance(at, list) else at[key]
            at[path[-1]] = value

        change_card(bundle, change)

    return poison


def _report(text: str) -> Poison:
    def poison(bundle: Path) -> None:
        (bundle / REPORT_FILE).write_text(text, encoding="utf-8")
        vouch(bundle)

    return poison


def _host_report(bundle: Path) -> None:
    secret = bundle.parent / "secret.json"
    secret.write_text('{"secret": 1}', encoding="utf-8")
    (bundle / REPORT_FILE).unlink()
    (bundle / REPORT_FILE).symlink_to(secret)


def _self_test(bundle: Path) -> None:
    shutil.copy(failing_self_test(bundle.parent / "failing") / CARD_FILE, bundle / CARD_FILE)
    vouch(bundle)


POISONS: dict[str, tuple[Poison, str]] = {
    "pickle beside": (_add_pickle, r"model\.pkl: the card does not list it"),
    "pickle as network": (_pickle_as_weights, "no ONNX file"),
    "loader module": (_loader_module, r"evil\.py: the card does not list it"),
    "code folder": (_code_folder, "folder 'code'"),
    "external data": (_external_data, "weights outside the file"),
    "external data, hidden": (_external_data_in_a_hidden_file, "weights outside the file"),
    "external constant": (_external_constant, "weights outside the file"),
    "foreign operator": (_foreign_operator, "domain 'com.evil'"),
    "function": (_function, "functions of its own"),
    "loop": (_loop, "operator Loop"),
    "graph in an operator": (_unlisted_loop, "a graph inside an operator"),
    "two inputs": (_two_inputs, "has inputs"),
    "four channels": (_four_channels, "the self-test fails"),
    "NaN weights": (_nan_weights, "NaN"),
    "wrong self-test": (_self_test, "self-test agrees on"),
    "wrong sha256": (_card("files", ONNX_FILE, value="0" * 64), "does not match the card's sha256"),
    "listed, missing": (_card("files", "more.bin", value="0" * 64), "listed in the card but missing"),
    "file name that leaves": (_card("files", "../../etc/passwd", value="0" * 64), r"files\.\.\./\.\./etc/passwd"),
    "later schema": (_card("schema_version", value=2), "schema_version"),
    "unknown field": (_card("surprise", value=1), "surprise"),
    "self-test off": (_card("self_test", "min_agreement", value=-1), r"self_test\.min_agreement"),
    "colour of 300": (_card("taxonomy", "classes", "0", "color", value=[300, 0, 0]), r"taxonomy\.classes\.0\.color"),
    "stride of 1": (_card("input", "stride", value=1), "stride must be a multiple of score_stride"),
    "budget of 200 million": (_card("input", "pixel_budget", value=200_000_000), r"input\.pixel_budget"),
    "fixed size of 12000": (_card("input", "fixed_size", value=[12000, 12000]), "fixed_size must have at most"),
    "std of 0": (_card("input", "std", value=[0, 1, 1]), r"input\.std\.0"),
    "infinite mean": (_card("input", "mean", value=[float("inf"), 0, 0]), "the file: Invalid JSON"),
    "NaN in the recipe": (_card("training", "recipe", value={"x": float("nan")}), "the file: Invalid JSON"),
    "broken letters": (_card("description", value="\ud800"), "the file: Invalid JSON"),
}
REPORTS: dict[str, tuple[Poison, str]] = {
    "report with NaN": (_report('{"evaluation": NaN}'), r"report\.json: .*Invalid JSON"),
    "report of 100,000 levels": (_report("[" * 100_000), r"report\.json: .*Invalid JSON"),
    "report that is a list": (_report("[]"), r"report\.json: must hold a JSON object"),
    "report that links to a host file": (
        _host_report,
        r"report\.json: content does not match|failures occurred while downloading",
    ),
}
LINKS = [ONNX_FILE, HISTORY_FILE, REPORT_FILE]
