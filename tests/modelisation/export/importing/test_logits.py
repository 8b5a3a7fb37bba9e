"""Networks of segmentation-models-pytorch and torchvision, from files on disk."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from back.runtime.errors import UserError
from modelisation.export.importing import agreement
from modelisation.export.importing.fit import torch_labels
from modelisation.export.importing.logits import load_weights, read_smp, read_torchvision
from modelisation.export.importing.source import find_source
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import Foreign
from modelisation.models import rebuild
from tests.modelisation.export.importing.families import save_deeplab, save_lraspp, save_unet

CITYSCAPES = Wishes("mine", "street8", labels="cityscapes19", pixel_budget=64 * 96)


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SHAPES", ((64, 96),))
    monkeypatch.setattr(agreement, "DEFAULT_PHOTOS", Path("missing"))


@pytest.fixture(scope="module")
def unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_unet(tmp_path_factory.mktemp("unet"))


@pytest.fixture(scope="module")
def lraspp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lraspp(tmp_path_factory.mktemp("lraspp"))


def agrees(foreign: Foreign) -> float:
    """Share of the pixels of scenes on which PyTorch behind our interface gives the library's labels."""
    pictures = agreement.gate_pictures(foreign.contract, None)["scenes"]
    ours = [torch_labels(foreign.model, picture, foreign.contract) for picture in pictures]  # type: ignore[arg-type]
    return agreement.agreement(ours, [foreign.library(picture) for picture in pictures])


def test_a_network_of_smp_gives_its_labels_and_is_rebuilt(unet: Path) -> None:
    foreign = read_smp(find_source(str(unet)), CITYSCAPES)
    assert agrees(foreign) >= 0.996
    again = rebuild("smp", 8, foreign.build)
    again.load_state_dict(foreign.model.state_dict())
    assert foreign.origin.labels["bus"] == "vehicle"


def test_scores_coarser_than_the_picture_are_brought_to_its_size(tmp_path: Path) -> None:
    foreign = read_smp(find_source(str(save_deeplab(tmp_path, upsampling=1))), CITYSCAPES)
    assert foreign.build["net_stride"] == 4
    assert agrees(foreign) >= 0.996


def test_the_channels_of_smp_must_be_named(unet: Path) -> None:
    with pytest.raises(UserError, match="names no labels; say with --labels SET whose classes its 19 channels are"):
        read_smp(find_source(str(unet)), Wishes("mine"))
    with pytest.raises(UserError, match="its head has 19 channels where street8 has 8 classes"):
        read_smp(find_source(str(unet)), Wishes("mine", labels="street8"))


def test_a_folder_of_another_library_is_refused(unet: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "segformer"}', encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes((unet / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="is not what `save_pretrained` of segmentation-models-pytorch"):
        read_smp(find_source(str(tmp_path)), CITYSCAPES)


def test_a_network_of_torchvision_gives_its_labels_at_its_own_stride(lraspp: Path) -> None:
    foreign = read_torchvision("lraspp_mobilenet_v3_large", lraspp, CITYSCAPES, allow_pickle=False)
    assert agrees(foreign) >= 0.996
    assert foreign.build["net_stride"] == 8
    assert list(foreign.origin.sha256) == ["net.safetensors"]


def test_a_pickle_of_torchvision_is_refused_unless_allowed(lraspp: Path) -> None:
    pickle = lraspp.with_suffix(".pth")
    with pytest.raises(UserError, match="is a pickle"):
        read_torchvision("lraspp_mobilenet_v3_large", pickle, CITYSCAPES, allow_pickle=False)
    assert load_weights(pickle).keys() == load_file(lraspp).keys()


def test_weights_of_another_network_are_refused(lraspp: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing keys in the weights"):
        read_torchvision("fcn_resnet50", lraspp, CITYSCAPES, allow_pickle=False)
    with pytest.raises(UserError, match="has no network no_such_net"):
        read_torchvision("no_such_net", lraspp, CITYSCAPES, allow_pickle=False)
    tensors = load_file(lraspp)
    del tensors["classifier.low_classifier.weight"]
    save_file(tensors, tmp_path / "net.safetensors")
    with pytest.raises(UserError, match="holds no weights of a segmentation network"):
        read_torchvision("lraspp_mobilenet_v3_large", tmp_path / "net.safetensors", CITYSCAPES, allow_pickle=False)


def test_channels_of_pascal_voc_are_known_by_their_number(lraspp: Path) -> None:
    with pytest.raises(UserError, match="names no labels; say with --labels SET whose classes its 19 channels are"):
        read_torchvision("lraspp_mobilenet_v3_large", lraspp, Wishes("mine"), allow_pickle=False)
