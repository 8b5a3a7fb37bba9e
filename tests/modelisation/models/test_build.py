"""Architectures by name: what cannot be built is a sentence."""

import pytest

from back.runtime.errors import UserError
from modelisation.models import build_model


@pytest.mark.parametrize(
    ("architecture", "build", "sentence"),
    [
        ("unet", {}, "unknown architecture 'unet'; known: deeplabv3plus, segformer"),
        ("segformer", {"hidden_sises": [8]}, "SegformerConfig has no hidden_sises; change the recipe's build"),
        ("segformer", {"hidden_sizes": "large"}, "segformer cannot be built with"),
        ("segformer", {"pretrained": "/nowhere/at/all"}, "segformer cannot be built with"),
        ("deeplabv3plus", {"encoder_name": "resnet9000", "encoder_weights": None}, "deeplabv3plus cannot be built"),
        ("deeplabv3plus", {"encoder_weights": None, "decoder_chanels": 64}, "DeepLabV3Plus has no decoder_chanels"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(architecture, build, sentence):
    with pytest.raises(UserError) as caught:
        build_model(architecture, 8, **build)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
