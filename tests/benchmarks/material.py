"""The same weights in the form that each way wants: bundle, transformers folder, torch file, plain ONNX file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.card import ONNX_FILE, Card, read_card
from tests.benchmarks.failures import Failures

if TYPE_CHECKING:
    from torch import nn
    from transformers import SegformerForSemanticSegmentation

    from modelisation.models.base import SegmentationModel


class MaterialError(RuntimeError):
    """A form of the weights that could not be written."""


@dataclass(frozen=True)
class Material:
    """One model's files.

    Attributes:
        bundle: what our server loads.
        torch_file: the network as `torch.save` keeps it. Not of Mask2Former, whose hooks it cannot keep.
        transformers_folder: what the transformers pipeline loads; None for a network of another library.
        plain_onnx: the network as its library defines it. The bundle's own file where nothing is folded in that.
        failures: name of a file that could not be written -> why.
    """

    name: str
    card: Card
    bundle: Path
    torch_file: Path
    transformers_folder: Path | None
    plain_onnx: Path
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def bundle_onnx(self) -> Path:
        return self.bundle / ONNX_FILE

    @property
    def is_folded(self) -> bool:
        return self.plain_onnx != self.bundle_onnx

    def written(self, path: Path) -> Path:
        """The path of one of the forms. Raises MaterialError: it could not be written."""
        if path.name in self.failures:
            raise MaterialError(f"{path.name} could not be written: {self.failures[path.name]}")
        return path


def make_material(bundle: Path, folder: Path) -> Material:
    """Write the other forms of a bundle's weights into `folder`; a form that fails is noted in `failures`."""
    # Here and below, so that the processes of ways without torch stay without it.
    import torch

    from modelisation.export.onnx import export_onnx
    from modelisation.models import load_bundle_model

    card = read_card(bundle)
    if card.architecture == "mask2former":  # every way of it reads the bundle
        return Material(card.name, card, bundle, folder / "none", None, bundle / ONNX_FILE)
    folder = folder / card.name
    folder.mkdir(parents=True)
    failures = Failures()
    forms = [torch_file := folder / "model.pth"]
    transformers_folder, plain_onnx = None, bundle / ONNX_FILE
    if card.architecture == "segformer":
        forms += [transformers_folder := folder / "transformers", plain_onnx := folder / "plain.onnx"]
    model = failures.attempt(f"{card.name} in torch", lambda: load_bundle_model(bundle))
    if model is None:
        failures.update({form.name: failures[f"{card.name} in torch"] for form in forms})
    else:
        failures.attempt(torch_file.name, lambda: torch.save(model.net, torch_file))
        if transformers_folder is not None:
            save = transformers_folder
            failures.attempt(save.name, lambda: save_for_transformers(model.net, card, save))
            plain = standard_form(model)
            failures.attempt(
                plain_onnx.name, lambda: export_onnx(plain, plain_onnx, model.size_multiple, (512, 1024))
            )
    return Material(card.name, card, bundle, torch_file, transformers_folder, plain_onnx, failures)


def standard_form(model: "SegmentationModel") -> "nn.Module":
    """A SegFormer as transformers computes it, with nothing merged: picture to scores."""
    from torch import Tensor, nn

    class Standard(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = model.net

        def forward(self, image_NCHW: Tensor) -> Tensor:
            scores: Tensor = self.net(image_NCHW).logits
            return scores

    return Standard().eval()


def save_for_transformers(net: "SegformerForSemanticSegmentation", card: Card, folder: Path) -> None:
    """Write network and image processor as the transformers pipeline loads them."""
    from transformers import SegformerImageProcessor
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of the shards, of which there is one
    names = dict(enumerate(card.taxonomy.names))
    net.config.id2label = names
    net.config.label2id = {name: label for label, name in names.items()}
    net.save_pretrained(folder)
    SegformerImageProcessor(image_mean=list(card.input.mean), image_std=list(card.input.std)).save_pretrained(folder)
