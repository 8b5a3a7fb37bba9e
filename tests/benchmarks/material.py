"""The same weights in the form that each way wants: bundle, transformers folder, torch file, plain ONNX file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.card import ONNX_FILE, Card, read_card

if TYPE_CHECKING:
    from transformers import SegformerForSemanticSegmentation


@dataclass(frozen=True)
class Material:
    """One model's files.

    Attributes:
        bundle: what our server loads.
        torch_file: the network as `torch.save` keeps it.
        transformers_folder: what the transformers pipeline loads; None for a network of another library.
        plain_onnx: the trained form, exported as it stands. The bundle's own file where nothing is folded in it.
    """

    name: str
    card: Card
    bundle: Path
    torch_file: Path
    transformers_folder: Path | None
    plain_onnx: Path

    @property
    def bundle_onnx(self) -> Path:
        return self.bundle / ONNX_FILE

    @property
    def is_folded(self) -> bool:
        return self.plain_onnx != self.bundle_onnx


def make_material(bundle: Path, folder: Path) -> Material:
    """Write the other forms of a bundle's weights into `folder`."""
    # Here and below, so that the processes of ways without torch stay without it.
    import torch

    from modelisation.models import load_bundle_model
    from modelisation.onnx_export import export_onnx

    card = read_card(bundle)
    folder = folder / card.name
    folder.mkdir(parents=True)
    model = load_bundle_model(bundle)
    torch.save(model.net, folder / "model.pth")
    transformers_folder, plain_onnx = None, bundle / ONNX_FILE
    if card.architecture == "segformer":
        transformers_folder, plain_onnx = folder / "transformers", folder / "plain.onnx"
        save_for_transformers(model.net, card, transformers_folder)
        export_onnx(model, plain_onnx, model.size_multiple, (512, 1024))
    return Material(card.name, card, bundle, folder / "model.pth", transformers_folder, plain_onnx)


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
