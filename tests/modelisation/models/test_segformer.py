"""SegFormer: the contract, the paper's sizes, and the folded head."""

import copy

import pytest
import torch
from transformers import SegformerForSemanticSegmentation

from back.runtime.errors import UserError
from modelisation.models.segformer import VARIANTS, SegFormer
from modelisation.models.segformer_head import FoldedHead
from tests.modelisation.models.contract import CLASSES, ModelContract

SMALL = {
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "decoder_hidden_size": 16,
    "num_attention_heads": [1, 1, 2, 4],
}


class TestSegFormer(ModelContract):
    architecture = "segformer"
    build = SMALL


@pytest.mark.parametrize(("variant", "millions"), [("b0", 3.7), ("b1", 13.7), ("b2", 27.5), ("b3", 47.3)])
def test_the_variants_have_the_papers_parameter_counts(variant, millions):
    with torch.device("meta"):
        model = SegFormer(150, variant=variant)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.03)
    assert set(VARIANTS) == {f"b{i}" for i in range(6)}


def test_an_unknown_variant_lists_those_there_are():
    with pytest.raises(UserError, match="known: b0, b1"):
        SegFormer(8, variant="b9")


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 224)])
def test_the_folded_head_gives_the_standard_heads_scores(size):
    model = TestSegFormer().fresh().eval()
    for parameter in model.net.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected, folded = model.net(image).logits, model.export_form()(image)
    assert (folded - expected).abs().max() <= 1e-5 * (expected.max() - expected.min())


def test_training_computes_the_standard_head_and_its_gradients():
    model = SegFormer(CLASSES, **SMALL, drop_path_rate=0.0, classifier_dropout_prob=0.0).double().train()
    standard = copy.deepcopy(model.net)
    image = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    scores, expected = model(image), standard(image).logits
    torch.testing.assert_close(scores, expected)
    (scores.square().sum() + expected.square().sum()).backward()
    for (name, parameter), reference in zip(model.net.named_parameters(), standard.parameters(), strict=True):
        if reference.grad is not None:
            torch.testing.assert_close(parameter.grad, reference.grad, msg=lambda m, name=name: f"{name}: {m}")


def test_folding_saves_nearly_half_of_all_multiplications():
    from torch.utils.flop_counter import FlopCounterMode

    def flops(module: torch.nn.Module) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(torch.zeros(1, 3, 512, 1024))
        return counter.get_total_flops()

    model = SegFormer(8, variant="b0").eval()
    assert flops(model.export_form()) < 0.52 * flops(model.net)
    assert isinstance(model.export_form().head, FoldedHead)


def test_the_encoder_of_a_saved_transformers_model_is_taken(tmp_path):
    original = SegFormer(19, **SMALL)
    original.net.save_pretrained(tmp_path)
    loaded = SegFormer(CLASSES, pretrained=str(tmp_path), **SMALL)
    reference = SegformerForSemanticSegmentation.from_pretrained(tmp_path)
    for name, tensor in reference.segformer.state_dict().items():
        assert torch.equal(loaded.net.segformer.state_dict()[name], tensor), name
    assert loaded.net.decode_head.classifier.out_channels == CLASSES
