"""A network of another library behind our interface: at which sizes and strides it says what its library says."""

import math
from typing import Any

import torch

from back.runtime.card import InputContract
from back.runtime.errors import UserError
from back.runtime.imaging import UInt8Array
from modelisation.export.gate import MIN_LIBRARY_AGREEMENT
from modelisation.export.importing.agreement import Labeller, agreement, gate_pictures, label_at_own_size
from modelisation.export.importing.preparation import Preparation
from modelisation.export.importing.wishes import Wishes
from modelisation.models.imported.base import ImportedModel
from modelisation.models.predict import normalise

_DEFAULT_PIXELS = 512 * 512
_PROBED = ((64, 96), (128, 192))  # sizes at which a network shows its stride
_RESERVE = 0.001  # of agreement in PyTorch on scenes, for engines and photos


def fit(
    model: ImportedModel,
    preparation: Preparation,
    wishes: Wishes,
    library: Labeller,
    library_name: str,
    only_size: tuple[int, int] | None = None,
) -> tuple[InputContract, dict[str, Any]]:
    """Find the strides of a network and set them in it.

    Args:
        only_size: (height, width) of its pictures where it takes no others.

    Returns:
        Its input contract, and the arguments of `ImportedModel` that were found.

    Raises:
        UserError: it does not give the labels of its library, or no scores of a whole stride.
    """
    _find_strides(model, only_size)
    fixed = only_size or wishes.size
    pixels = math.prod(fixed) if fixed else wishes.pixel_budget or preparation.pixels or _DEFAULT_PIXELS
    contract = InputContract(
        mean=model.mean,
        std=model.std,
        resize_filter=preparation.resize_filter,
        stride=model.size_multiple,
        score_stride=model.score_stride,
        pixel_budget=pixels,
        fixed_size=fixed,
    )
    score_stride = coarsest_stride(model, contract, library, library_name)
    found: dict[str, Any] = {
        "net_stride": model.net_stride,
        "score_stride": score_stride,
        "size_multiple": model.size_multiple,
        "only_size": list(only_size) if only_size else None,
    }
    return contract.model_copy(update={"score_stride": score_stride}), found


def coarsest_stride(model: ImportedModel, contract: InputContract, library: Labeller, library_name: str) -> int:
    """The coarsest stride of scores at which PyTorch gives the library's labels on rendered scenes; set in the model.

    Adding probabilities is not linear in log-scores, so it matters on which grid it is done: the library does it at
    the picture's own size, which costs a multiple in time and memory.

    Raises:
        UserError: not even at the finest.
    """
    pictures = gate_pictures(contract, None)["scenes"]
    theirs = [library(picture) for picture in pictures]
    shares = {}
    stride = model.net_stride
    while True:
        model.score_stride = stride
        shares[stride] = agreement([torch_labels(model, picture, contract) for picture in pictures], theirs)
        if shares[stride] >= MIN_LIBRARY_AGREEMENT + _RESERVE:
            return stride
        if stride % 2:
            told = ", ".join(f"{share:.2%} at stride {s}" for s, share in shares.items())
            raise UserError(
                f"the network behind our interface gives the labels of {library_name} on too few pixels ({told}; "
                f"{MIN_LIBRARY_AGREEMENT:.1%} are wanted); nothing was imported"
            )
        stride //= 2


@torch.no_grad()
def torch_labels(model: ImportedModel, picture: UInt8Array, contract: InputContract) -> UInt8Array:
    """PyTorch's labels uint8 [H, W] of a picture uint8 [H, W, 3] that is the network's input."""
    scores = model(normalise(torch.from_numpy(picture[None]), contract))[0].numpy()
    return label_at_own_size(scores, picture, model.score_stride)


@torch.no_grad()
def _find_strides(model: ImportedModel, only_size: tuple[int, int] | None) -> None:
    model.net_stride = model.score_stride = 1  # so that its own scores are looked at
    strides = {_stride(model, size) for size in ((only_size,) if only_size else _PROBED)}
    if len(strides) > 1:
        raise UserError("the network gives scores at strides that change with the size of its pictures")
    model.net_stride = model.score_stride = strides.pop()
    model.size_multiple = math.lcm(32, model.net_stride)
    model.only_size = only_size


def _stride(model: ImportedModel, size: tuple[int, int]) -> int:
    try:
        height, width = model.label_scores(torch.zeros(1, 3, *size)).shape[-2:]
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the network cannot be run on a picture of {size[1]}x{size[0]} pixels: {reason}") from error
    stride = size[0] // height
    if (height * stride, width * stride) != size:
        raise UserError(f"the network's scores for {size[1]}x{size[0]} pixels are {width}x{height}: no whole stride")
    return stride
