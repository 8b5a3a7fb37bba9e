"""One way's failure is a sentence; the others are measured all the same."""

import pytest
import torch

from tests.benchmarks import material as module
from tests.benchmarks.failures import Failures
from tests.benchmarks.material import MaterialError, make_material, standard_form
from tests.benchmarks.peers import OnnxRuntime
from tests.benchmarks.tricks import Trick, measure
from tests.bundles import make_bundle


def test_what_works_gives_its_result_and_what_fails_is_noted(capsys):
    failures = Failures()
    assert failures.attempt("sum", lambda: 1 + 1) == 2
    assert failures.attempt("quotient", lambda: 1 / 0) is None
    assert failures == {"quotient": "ZeroDivisionError: division by zero"}
    assert "quotient: failed" in capsys.readouterr().err


def test_weights_that_torch_does_not_load_leave_the_bundle_s_own_file(tmp_path, monkeypatch):
    bundle = make_bundle(tmp_path)  # its network exists as ONNX alone
    material = make_material(bundle, tmp_path / "material")
    with pytest.raises(MaterialError, match=r"model\.pth could not be written: .+"):
        material.written(material.torch_file)
    assert material.written(material.bundle_onnx).is_file()
    assert OnnxRuntime(material, {}).onnx() == str(material.bundle_onnx)


def test_one_form_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("modelisation.models.load_bundle_model", lambda bundle: small_segformer())
    monkeypatch.setattr("modelisation.export.onnx.export_onnx", lambda *_: 1 / 0)
    monkeypatch.setattr(module, "save_for_transformers", lambda net, card, folder: folder.mkdir())
    card = make_bundle(tmp_path)
    text = (card / "model.json").read_text(encoding="utf-8")
    architecture = module.read_card(card).architecture
    (card / "model.json").write_text(text.replace(f'"{architecture}"', '"segformer"'), encoding="utf-8")
    material = make_material(card, tmp_path / "material")
    assert material.failures == {"plain.onnx": "ZeroDivisionError: division by zero"}
    assert material.written(material.torch_file).is_file()
    assert material.transformers_folder is not None
    assert material.written(material.transformers_folder).is_dir()


def test_a_trick_that_fails_is_a_row_that_says_so():
    row = measure(Trick("trick", "usual", lambda: 1 / 0, lambda: None), 3)
    assert row["error"] == "ZeroDivisionError: division by zero"
    assert row["ratio"] is None


def test_the_standard_form_has_nothing_merged_and_the_same_scores():
    model = small_segformer().eval()
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        plain, folded = standard_form(model)(image), model.export_form()(image)
    torch.testing.assert_close(plain, folded, rtol=1e-4, atol=1e-4)
    assert multiply_adds(standard_form(model)) > 1.8 * multiply_adds(model.export_form())


def small_segformer():
    from modelisation.models import build_model

    return build_model("segformer", 8, variant="b0", depths=[1, 1, 1, 1])


def multiply_adds(form: torch.nn.Module) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        form(torch.zeros(1, 3, 64, 96))
    return int(counter.get_total_flops() // 2)
