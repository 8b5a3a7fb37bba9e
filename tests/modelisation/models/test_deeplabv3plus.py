"""DeepLabV3+: the contract, and the packaged ImageNet weights."""

import pytest
import torch

from back.runtime.errors import UserError
from modelisation.models import build_from_card
from modelisation.models.deeplabv3plus import DeepLabV3Plus
from modelisation.models.pretrained import PACKAGED, PackagedWeights, load_packaged_weights
from tests.modelisation.models.contract import ModelContract

LITE0 = "timm-tf_efficientnet_lite0"


class TestDeepLabV3Plus(ModelContract):
    architecture = "deeplabv3plus"
    build = {"encoder_name": "resnet18", "encoder_weights": None, "decoder_channels": 16}  # noqa: RUF012


class TestDeepLabV3PlusWithFinerFeatures(ModelContract):
    architecture = "deeplabv3plus"
    build = {  # noqa: RUF012
        "encoder_name": "resnet18", "encoder_weights": None, "decoder_channels": 16, "encoder_output_stride": 8
    }  # fmt: skip


class TestDeepLabV3PlusLite(ModelContract):
    architecture = "deeplabv3plus"
    build = {"encoder_name": LITE0, "encoder_weights": "package", "decoder_channels": 16}  # noqa: RUF012


def test_packaged_weights_fill_the_whole_encoder_and_set_its_epsilon():
    packaged = DeepLabV3Plus(8, encoder_name=LITE0, encoder_weights="package")
    again = DeepLabV3Plus(8, encoder_name=LITE0, encoder_weights="package")
    for name, tensor in packaged.net.encoder.state_dict().items():
        assert torch.equal(tensor, again.net.encoder.state_dict()[name]), name
    assert {m.eps for m in packaged.net.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-3}
    assert packaged.mean == packaged.std == (0.5, 0.5, 0.5)
    assert "Apache-2.0" in packaged.initialisation


def test_an_encoder_without_packaged_weights_is_named():
    with pytest.raises(UserError, match="no packaged weights for encoder 'resnet18'"):
        DeepLabV3Plus(8, encoder_name="resnet18", encoder_weights="package")


def test_a_changed_weight_file_is_refused():
    from dataclasses import replace

    weights: PackagedWeights = replace(PACKAGED[LITE0], sha256="0" * 64)
    with pytest.raises(UserError, match="is not the pinned 000000000000"):
        load_packaged_weights(torch.nn.Identity(), weights)


def test_a_card_rebuilds_the_network_without_loading_weights(tmp_path):
    from back.runtime.card import read_card
    from tests.bundles import make_bundle

    card = read_card(make_bundle(tmp_path)).model_copy(
        update={"architecture": "deeplabv3plus", "build": {"encoder_name": LITE0, "encoder_weights": "imagenet"}}
    )
    model = build_from_card(card)
    assert model.num_classes == len(card.taxonomy.classes)
    assert model.initialisation == "encoder: random"
