"""Networks of transformers behind our interface: the library's labels, whatever its classes become."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from back.runtime.errors import UserError
from modelisation.export.importing import agreement
from modelisation.export.importing.fit import torch_labels
from modelisation.export.importing.huggingface import read_huggingface
from modelisation.export.importing.source import find_source
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import Foreign
from modelisation.models import rebuild
from tests.modelisation.export.importing.families import CITYSCAPES, change_json, save

ADE20K = tuple(f"thing {i}" for i in range(150))


@pytest.fixture(scope="module", autouse=True)
def small_scenes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "SHAPES", ((64, 96), (48, 96)))
        patch.setattr(agreement, "DEFAULT_PHOTOS", Path("missing"))
        yield


@pytest.fixture(scope="module")
def segformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("segformer", tmp_path_factory.mktemp("segformer"))


@pytest.fixture(scope="module")
def merged(segformer: Path) -> Foreign:
    """It as street8."""
    return read(segformer, "street8", licence="MIT")


@pytest.fixture
def broken(segformer: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for path in segformer.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def read(folder: Path, classes: str | None = None, **wishes: object) -> Foreign:
    return read_huggingface(find_source(str(folder)), Wishes("mine", classes, **wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "names", "classes"),
    [
        ("segformer", CITYSCAPES, None),
        ("upernet", CITYSCAPES, "street8"),
        ("dpt", CITYSCAPES, "street8"),
        ("beit", ADE20K, None),
        ("mask2former", CITYSCAPES, "street8"),
        ("oneformer", CITYSCAPES, "street8"),
        ("eomt", CITYSCAPES, "street8"),
    ],
)
def test_pytorch_gives_the_labels_of_the_library(
    kind: str, names: tuple[str, ...], classes: str | None, tmp_path: Path
) -> None:
    foreign = read(save(kind, tmp_path, names), classes)
    assert len(foreign.taxonomy.classes) == (8 if classes else len(names))
    assert agrees(foreign) >= 0.996


def agrees(foreign: Foreign) -> float:
    """Share of the pixels of scenes on which PyTorch behind our interface gives the library's labels."""
    pictures = agreement.gate_pictures(foreign.contract, None)["scenes"]
    ours = [torch_labels(foreign.model, picture, foreign.contract) for picture in pictures]  # type: ignore[arg-type]
    return agreement.agreement(ours, [foreign.library(picture) for picture in pictures])


def test_a_rebuilt_network_gives_the_same_scores(merged: Foreign) -> None:
    build = json.loads(json.dumps(merged.build))
    again = rebuild("transformers", 8, build)
    again.load_state_dict(merged.model.state_dict())
    picture = torch.rand(1, 3, 64, 96)
    torch.testing.assert_close(again.eval()(picture), merged.model(picture))


def test_another_number_of_classes_gets_a_head_of_its_own(merged: Foreign) -> None:
    scores = rebuild("transformers", 5, merged.build).eval()(torch.rand(1, 3, 64, 96))
    assert scores.shape == (1, 5, 16, 24)


def test_merged_scores_are_the_librarys_probabilities_added(merged: Foreign) -> None:
    picture = torch.rand(1, 3, 64, 96)
    net = merged.model.net
    with torch.inference_mode():
        labels, classes = net(pixel_values=picture).logits.softmax(1), merged.model(picture).softmax(1)
    torch.testing.assert_close(classes[:, 3], labels[:, 13:19].sum(1), rtol=1e-3, atol=1e-5)
    assert agrees(merged) >= 0.996


def test_the_size_of_a_network_with_position_codes_is_fixed(tmp_path: Path) -> None:
    foreign = read(save("dpt", tmp_path))
    assert foreign.contract.fixed_size == (64, 64)
    assert foreign.build["only_size"] == [64, 64]


def test_eomt_is_exported_with_its_masking_as_plain_numbers_and_the_same_scores(tmp_path: Path) -> None:
    model = read(save("eomt", tmp_path), "street8").model
    form, picture = model.export_form(), torch.rand(1, 3, 64, 64)
    assert not isinstance(form.net.attn_mask_probs, torch.Tensor)  # type: ignore[union-attr]
    torch.testing.assert_close(form(picture), model(picture))
    assert isinstance(model.net.attn_mask_probs, torch.Tensor), "what is trained further keeps its buffer"


def test_what_the_source_says_is_on_record(segformer: Path, merged: Foreign) -> None:
    origin = merged.origin
    assert (origin.source, origin.licence) == (segformer.name, "MIT")
    assert origin.library.startswith("transformers ")
    assert list(origin.sha256) == ["model.safetensors"]
    assert origin.labels["bus"] == "vehicle"


def test_weights_of_other_labels_than_the_configuration_are_refused(broken: Path) -> None:
    change_json(broken / "config.json", id2label={str(i): f"c{i}" for i in range(7)}, label2id={})
    with pytest.raises(UserError, match=r"classifier\.(weight|bias) is 19.* where config\.json with its 7 labels"):
        read(broken)


@pytest.mark.parametrize("kind", ["missing", "unexpected"])
def test_keys_that_do_not_fit_are_refused(broken: Path, kind: str) -> None:
    tensors = load_file(broken / "model.safetensors")
    if kind == "missing":
        del tensors["decode_head.classifier.weight"]
    else:
        tensors["decode_head.other"] = torch.zeros(1)
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=rf"1 {kind} key in the weights .*decode_head"):
        read(broken)


def test_a_file_that_is_no_safetensors_is_refused(broken: Path) -> None:
    (broken / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(UserError, match="its weights cannot be read"):
        read(broken)


def test_a_network_for_something_else_is_refused(broken: Path) -> None:
    (broken / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(UserError, match="bert gives no semantic segmentation here; known: beit, "):
        read(broken)
    (broken / "config.json").write_text('{"model_type": "no-such-thing"}', encoding="utf-8")
    with pytest.raises(UserError, match="cannot read it"):
        read(broken)


def test_names_that_are_one_off_the_channels_are_refused(broken: Path) -> None:
    names = ("unlabeled", *CITYSCAPES[:18])
    change_json(broken / "config.json", id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})
    change_json(broken / "preprocessor_config.json", do_reduce_labels=True)
    with pytest.raises(UserError, match=r"channel 0 is the second class, and config\.json calls it unlabeled"):
        read(broken)


def test_labels_without_names_are_asked_for(broken: Path) -> None:
    change_json(
        broken / "config.json",
        id2label={str(i): f"LABEL_{i}" for i in range(19)},
        label2id={f"LABEL_{i}": i for i in range(19)},
    )
    with pytest.raises(UserError, match="names no labels; say with --labels SET"):
        read(broken)
    assert read(broken, labels="cityscapes19").taxonomy.id == "cityscapes19"
