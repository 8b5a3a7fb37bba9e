"""`import smp` and `import torchvision`: networks that give a logit for each label at the picture's size."""

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from back.runtime.errors import UserError
from back.runtime.imaging import UInt8Array
from modelisation.export.importing.agreement import merged_labels
from modelisation.export.importing.fit import fit
from modelisation.export.importing.labels import place_labels, same_order
from modelisation.export.importing.preparation import IMAGENET, Preparation
from modelisation.export.importing.source import CONFIG, UNKNOWN_LICENCE, Source, check_pickle, is_pickle
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import Foreign, origin_of
from modelisation.models.imported.base import ImportedModel
from modelisation.models.imported.logits import Smp, Torchvision

SMP = f"segmentation-models-pytorch {smp.__version__}"
TORCHVISION = f"torchvision {torchvision.__version__}"
_LAST = ("classifier.4.weight", "classifier.low_classifier.weight")  # of torchvision's heads


def read_smp(source: Source, wishes: Wishes) -> Foreign:
    """A folder that `save_pretrained` of segmentation-models-pytorch wrote.

    Raises:
        UserError: it is none, its weights do not fit, or its labels have no class.
    """
    path = source.folder / CONFIG
    try:
        config: Any = json.loads(path.read_bytes())
        net, channels = str(config.pop("_model_class")), int(config["classes"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: is not what `save_pretrained` of {SMP} writes") from error
    if config.get("activation"):
        raise UserError(f"{path}: the network ends in {config['activation']}; save it with activation None")
    if not wishes.labels:
        raise UserError(f"{path}: names no labels; say with --labels SET whose classes its {channels} channels are")
    labels = same_order(wishes.labels, channels, source.name)
    arguments = {key: value for key, value in config.items() if not key.startswith("_") and key != "classes"}
    weights = load_weights(source.weights[0])
    build = {"net": net, "arguments": arguments}
    make: Callable[..., ImportedModel] = Smp
    return _read(make, build, weights, labels, source.name, source, SMP, wishes, lambda made: made.net)


def read_torchvision(net: str, file: Path, wishes: Wishes, allow_pickle: bool) -> Foreign:
    """A network of torchvision by its name, with weights from a file.

    Raises:
        UserError: there is none of the name, its weights do not fit, or its labels have no class.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file with weights")
    check_pickle(file, allow_pickle)
    weights = {k: v for k, v in load_weights(file).items() if not k.startswith("aux_classifier.")}
    last = next((weights[name] for name in _LAST if name in weights), None)
    if last is None:
        raise UserError(f"{file}: holds no weights of a segmentation network of torchvision")
    channels = last.shape[0]
    if wishes.labels:
        labels = same_order(wishes.labels, channels, net)
    else:
        names = torchvision.models.segmentation.FCN_ResNet50_Weights.DEFAULT.meta["categories"]  # Pascal VOC's
        if len(names) != channels:
            raise UserError(
                f"{file}: names no labels; say with --labels SET whose classes its {channels} channels are"
            )
        labels = list(names)
    source = Source(f"{net} ({file.name})", file.parent, (file,), UNKNOWN_LICENCE)
    return _read(
        Torchvision, {"net": net}, weights, labels, net, source, TORCHVISION, wishes, lambda made: _Out(made.net)
    )


def load_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a file: safetensors, or a pickle of tensors alone.

    Raises:
        UserError: it is neither.
    """
    try:
        if not is_pickle(file):
            return load_file(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise UserError(f"{file}: its weights cannot be read: {' '.join(str(error).split())[:200]}") from error
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{file}: holds no weights by name; save the network's state_dict")
    return found


def _read(
    make: Callable[..., ImportedModel],
    build: dict[str, Any],
    weights: dict[str, Tensor],
    labels: Sequence[str],
    name: str,
    source: Source,
    library: str,
    wishes: Wishes,
    whole: Callable[[Any], nn.Module],
) -> Foreign:
    placed = place_labels(labels, wishes.classes, wishes.maps, wishes.name)
    mean, std = wishes.mean or IMAGENET[0], wishes.std or IMAGENET[1]
    build = build | {
        "labels": len(labels),
        "merge": [list(channels) for channels in placed.merge],
        "mean": list(mean),
        "std": list(std),
    }
    model: Any = make(len(placed.taxonomy.classes), **build)
    _load(model.net, weights, name)
    model.eval()
    reference = _Library(whole(model), placed.merge, mean, std)
    contract, found = fit(model, Preparation(mean, std), wishes, reference, library)
    origin = origin_of(source, library, wishes, placed)
    dynamic = contract.fixed_size is None
    return Foreign(wishes.name, model, build | found, placed.taxonomy, contract, origin, reference, dynamic)


def _load(net: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    wanted = net.state_dict()
    for kind, keys in (("missing", wanted.keys() - weights.keys()), ("unexpected", weights.keys() - wanted.keys())):
        if keys:
            raise UserError(
                f"{name}: {len(keys)} {kind} key{'s' if len(keys) > 1 else ''} in the weights "
                f"({', '.join(sorted(keys)[:3])}{', …' if len(keys) > 3 else ''}); they are of another network"
            )
    if other := [key for key in wanted if wanted[key].shape != weights[key].shape]:
        raise UserError(
            f"{name}: {other[0]} is {tuple(weights[other[0]].shape)} in the weights where the network has "
            f"{tuple(wanted[other[0]].shape)}; they are of another network"
        )
    net.load_state_dict(weights)


class _Out(nn.Module):
    """What torchvision's networks call their scores."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.net(image_NCHW)["out"]


class _Library:
    """Labels of a picture by the library's own forward.

    Scores coarser than the picture (networks of smp with `upsampling: 1`) are brought to its size bilinearly, as
    whoever calls such a network has to.
    """

    def __init__(
        self, net: nn.Module, merge: Sequence[Sequence[int]], mean: Sequence[float], std: Sequence[float]
    ) -> None:
        self._net, self._merge = net.eval(), merge
        self._mean, self._std = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))

    @torch.no_grad()
    def __call__(self, picture: UInt8Array) -> UInt8Array:
        values = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
        scores_NCHW = self._net(((values - self._mean) / self._std)[None])
        if scores_NCHW.shape[-2:] != picture.shape[:2]:
            scores_NCHW = F.interpolate(scores_NCHW, size=picture.shape[:2], mode="bilinear", align_corners=False)
        return merged_labels(scores_NCHW[0], self._merge, logits=True)
