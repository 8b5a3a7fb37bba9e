"""Mask2Former: the contract, the paper's sizes, and a loss that is the library's but for pixels without a label."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

from back.runtime.card import ONNX_FILE, read_card
from back.runtime.errors import UserError
from modelisation.data.class_sets import class_set
from modelisation.models import SegmentationModel
from modelisation.models.mask2former import VARIANTS, Mask2Former
from modelisation.models.mask2former_loss import SetLoss
from modelisation.models.queries import log_scores
from modelisation.recipe import Loss, Recipe
from modelisation.training.distillation import add_teacher
from modelisation.training.loss import make_criterion
from modelisation.training.setup import build_from_recipe
from tests.modelisation.models.contract import CLASSES, IGNORE, ModelContract
from tests.modelisation.tiny import TINY

SMALL = {
    "backbone": {"depths": [2, 1, 1, 1], "embed_dim": 8, "num_heads": [1, 1, 2, 2], "window_size": 4},
    "feature_size": 64, "mask_feature_size": 32, "hidden_dim": 64, "num_attention_heads": 2,
    "encoder_feedforward_dim": 32, "dim_feedforward": 32, "encoder_layers": 1, "decoder_layers": 2,
    "num_queries": 8, "train_num_points": 128,
}  # fmt: skip
N, Q, SIZE, GRID = 3, 6, (32, 48), (8, 12)


class TestMask2Former(ModelContract):
    architecture = "mask2former"
    build = SMALL

    def test_ignored_pixels_do_not_change_the_loss(self) -> None:
        """The loss of the labels is that of all pixels but these; the masks there get no gradient (see below)."""
        model = self.fresh().eval()
        label = torch.randint(0, CLASSES, (1, 64, 64))
        label[:, :, 32:] = IGNORE
        image = torch.randn(1, 3, 64, 64)
        predictions = [(c.detach(), m.detach().requires_grad_()) for c, m in model._predictions(image)]
        model.set_loss(predictions, label).backward()
        for _, masks in predictions:
            assert masks.grad[..., 9:].abs().max() == 0
            assert masks.grad[..., :8].abs().max() > 0

    def test_the_export_gives_the_trained_forms_scores(self, exported: tuple[SegmentationModel, Path]) -> None:
        """At the one size of its graph."""
        model, bundle = exported
        size = read_card(bundle).input.fixed_size
        assert size is not None
        image = torch.randn(1, 3, *size)
        with torch.no_grad():
            expected = model.eval()(image).numpy()
        session = onnxruntime.InferenceSession(bundle / ONNX_FILE, providers=["CPUExecutionProvider"])
        scores = session.run(["scores"], {"image": image.numpy()})[0]
        assert np.abs(scores - expected).max() <= 1e-4 * np.ptp(expected)

    def test_another_class_set_gets_a_new_class_of_each_query(self, exported: tuple[SegmentationModel, Path]) -> None:
        model, bundle = exported
        recipe = Recipe.model_validate(
            TINY | {"architecture": self.architecture, "build": self.build, "init_from": str(bundle.absolute())}
        )
        tuned = build_from_recipe(recipe, class_set("cityscapes19").taxonomy)
        assert tuned.eval()(torch.randn(1, 3, 32, 32)).shape[1] == 19
        assert "its last layer is new" in tuned.initialisation
        weights, own = model.state_dict(), tuned.state_dict()
        assert {n for n in own if own[n].shape != weights[n].shape} == {
            "net.class_predictor.weight",
            "net.class_predictor.bias",
        }
        assert all(torch.equal(own[n], weights[n]) for n in own if "class_predictor" not in n)


def predictions(layers: int = 2, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    return [
        (
            torch.randn(N, Q, CLASSES + 1, dtype=torch.float32).requires_grad_(),
            (3 * torch.randn(N, Q, *GRID)).requires_grad_(),
        )
        for _ in range(layers)
    ]


def labels() -> Tensor:
    """Blocks of classes; the first picture shows two of them alone."""
    torch.manual_seed(5)
    label = torch.randint(0, CLASSES, (N, 4, 6)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    label[0] = label[0] % 2
    return label


def config() -> Mask2FormerConfig:
    return Mask2FormerConfig(num_labels=CLASSES, num_queries=Q, train_num_points=400)


def library_loss(outputs: list[tuple[Tensor, Tensor]], label: Tensor) -> Tensor:
    c = config()
    weights = {
        "loss_cross_entropy": c.class_weight,
        "loss_mask": c.mask_weight,
        "loss_dice": c.dice_weight,
    }
    shown = [picture.unique() for picture in label]
    masks = [(picture[None] == classes[:, None, None]).float() for picture, classes in zip(label, shown, strict=True)]
    layers = [{"masks_queries_logits": m, "class_queries_logits": k} for k, m in outputs]
    losses = Mask2FormerLoss(c, weights)(
        **layers[-1], mask_labels=masks, class_labels=shown, auxiliary_predictions=layers[:-1]
    )
    return sum(value * weights[name.rstrip("_0123456789")] for name, value in losses.items())


def test_where_every_pixel_has_a_label_the_loss_and_its_gradients_are_the_librarys():
    ours, theirs = predictions(), predictions()
    label = labels()
    torch.manual_seed(7)
    loss = SetLoss(config(), IGNORE)(ours, label)
    torch.manual_seed(7)
    expected = library_loss(theirs, label)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for one, other in zip(ours, theirs, strict=True):
        for tensor, reference in zip(one, other, strict=True):
            torch.testing.assert_close(tensor.grad, reference.grad)


def test_the_library_takes_pixels_without_a_label_for_negatives_and_we_do_not():
    """Half of the picture is unlabelled, and a query's mask, right on the other half, covers it."""
    label = torch.full((1, *SIZE), IGNORE)
    label[:, :, :24] = 1
    masks = torch.full((1, Q, *GRID), -9.0)
    masks[:, 0] = 9.0  # covers both halves
    classes = torch.zeros(1, Q, CLASSES + 1)
    classes[0, 0, 1] = 12.0
    classes[0, 1:, -1] = 12.0
    torch.manual_seed(7)
    loss = SetLoss(config(), IGNORE)([(classes, masks)], label)
    assert loss < 1  # not 0: points at the border of the picture see half of what is outside of it
    assert library_loss([(classes, masks)], torch.where(label == IGNORE, torch.tensor(3), label)) > 5


def test_what_is_found_where_nobody_labelled_is_not_called_nothing():
    label = labels()
    label[:, :, 24:] = IGNORE
    outputs = predictions(layers=1)
    classes, masks = outputs[0]
    with torch.no_grad():
        masks[:, 0, :, :12] = torch.where(torch.arange(12) < 6, -30.0, 30.0)
        classes[:, 0, :] = 0
    SetLoss(config(), IGNORE)(outputs, label).backward()
    assert classes.grad[:, 0].abs().max() < 1e-6 * classes.grad.abs().max()


@pytest.mark.parametrize("case", ["one class", "no label", "no label in one picture", "more classes than queries"])
def test_the_gradient_is_finite_whatever_the_pictures_show(case):
    label = labels()
    outputs = predictions()
    if case == "one class":
        label[:] = 3
    elif case == "no label":
        label[:] = IGNORE
    elif case == "no label in one picture":
        label[1] = IGNORE
    else:
        outputs = [(c[:, :2].detach().requires_grad_(), m[:, :2].detach().requires_grad_()) for c, m in outputs]
    loss = SetLoss(config(), IGNORE)(outputs, label)
    assert loss.isfinite()
    loss.backward()
    gradients = [tensor.grad for pair in outputs for tensor in pair]
    assert all(gradient.isfinite().all() for gradient in gradients)
    silent = {"no label": slice(None), "no label in one picture": slice(1, 2)}.get(case)
    if silent is not None:
        assert all(gradient[silent].abs().max() == 0 for gradient in gradients)


def test_scores_are_the_logarithm_of_added_masks_and_finite_at_the_extremes():
    classes, masks = predictions(layers=1)[0]
    expected = torch.einsum("nql,nqhw->nlhw", classes.softmax(-1)[..., :-1], masks.sigmoid()).log()
    torch.testing.assert_close(log_scores(classes, masks), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(log_scores(classes, masks), expected)
    assert log_scores(classes, masks * 0 - 1e4).isfinite().all()


def test_a_teacher_speaks_on_pictures_without_a_label():
    model = TestMask2Former().fresh().train()
    label = torch.full((2, 64, 64), IGNORE)
    taught = torch.zeros(2, CLASSES, 32, 32)
    taught[:, 3] = 1
    criterion = add_teacher(make_criterion(Loss(), IGNORE), taught, 1.0)
    loss = model.loss(torch.randn(2, 3, 64, 64), label, criterion)
    loss.backward()
    assert loss > 0
    assert model.net.class_predictor.weight.grad.abs().max() > 0


@pytest.mark.parametrize(("height", "width"), [(47, 65), (33, 30)])
def test_a_picture_of_odd_size_has_a_loss(height, width):
    model = TestMask2Former().fresh().eval()
    label = torch.randint(0, CLASSES, (1, height, width))
    assert model.loss(torch.randn(1, 3, height, width), label, make_criterion(Loss(), IGNORE)).isfinite()


@pytest.mark.parametrize(
    ("variant", "millions"),
    [("swin-nano", 2.33), ("swin-tiny", 47), ("swin-small", 69), ("swin-base", 107), ("swin-large", 216)],
)
def test_the_variants_have_the_papers_parameter_counts(variant, millions):
    """Table 3 and the model zoo: 47, 69, 107 and 216 million with 133 or 80 classes."""
    with torch.device("meta"):
        model = Mask2Former(80 if variant != "swin-nano" else 8, variant=variant)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.02)
    assert variant in VARIANTS


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        ({"variant": "swin-huge"}, "unknown Mask2Former variant 'swin-huge'; known: swin-nano, swin-tiny"),
        ({"num_querys": 8}, "Mask2FormerConfig has no num_querys"),
        ({"backbone": {"depth": [1]}}, "SwinConfig has no depth"),
    ],
)
def test_what_is_unknown_is_a_sentence(build, sentence):
    with pytest.raises(UserError, match=sentence):
        Mask2Former(8, **build)


def test_a_saved_transformers_model_is_taken(tmp_path: Path):
    original = Mask2Former(19, **SMALL, variant="swin-tiny")
    original.net.save_pretrained(tmp_path)
    loaded = Mask2Former(CLASSES, pretrained=str(tmp_path), variant="swin-tiny", **SMALL)
    reference = Mask2FormerForUniversalSegmentation.from_pretrained(tmp_path)
    ours = loaded.net.state_dict()
    for name, tensor in reference.state_dict().items():
        if name in ours and not name.startswith("class_predictor"):
            assert torch.equal(ours[name], tensor), name
    assert loaded.net.class_predictor.out_features == CLASSES + 1
