"""`import hf`: a network of transformers, from the hub or a folder that `save_pretrained` wrote."""

import json
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from back.runtime.errors import UserError
from back.runtime.imaging import UInt8Array
from modelisation.export.importing.agreement import merged_labels
from modelisation.export.importing.fit import fit
from modelisation.export.importing.labels import Placed, place_labels, same_order
from modelisation.export.importing.preparation import Preparation, read_preparation
from modelisation.export.importing.source import CONFIG, Source
from modelisation.export.importing.wishes import Wishes
from modelisation.export.importing.write import Foreign, origin_of
from modelisation.models.imported.huggingface import POSITION_CODED, QUERY_MODELS, HuggingFace, net_class

Extra = dict[str, Tensor]
LIBRARY = f"transformers {transformers.__version__}"
_AS_THEY_ARE = ("do_resize", "do_center_crop", "do_pad", "do_split_image")  # switched off: pictures have their size
_NO_LABEL = ("unlabeled", "unlabelled", "void", "ignore", "background")
_TASK = "the task is semantic"
# Fields of a configuration that say nothing of the network, or follow from the labels.
_LEFT_OUT = ("id2label", "label2id", "architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path")


def read_huggingface(source: Source, wishes: Wishes) -> Foreign:
    """Load the network, place its labels, and find the stride at which it says what the library says.

    Raises:
        UserError: the folder holds no network for semantic segmentation, its weights do not fit its configuration,
            or its labels have no class.
    """
    config = _config(source)
    preparation = read_preparation(source.folder)
    net = _load(source, config)
    placed = _place(config, preparation, wishes, source)
    build: dict[str, Any] = {
        "config": _fields(config),
        "labels": config.num_labels,
        "merge": [list(channels) for channels in placed.merge],
        "mean": list(preparation.mean),
        "std": list(preparation.std),
        "bgr": preparation.bgr,
        "task": _task_tokens(source, config),
    }
    model = HuggingFace(len(placed.taxonomy.classes), **build)
    model.net.load_state_dict(net.state_dict())
    model.eval()
    library = _Library(net, _processor(source, config), placed.merge, model.extra_inputs)
    only_size = _own_size(config) if model.kind in POSITION_CODED else None
    contract, found = fit(model, preparation, wishes, library, LIBRARY, only_size)
    origin = origin_of(source, LIBRARY, wishes, placed)
    dynamic = contract.fixed_size is None
    return Foreign(wishes.name, model, build | found, placed.taxonomy, contract, origin, library, dynamic)


class _Library:
    """Labels of a picture by the library's own preparation, forward and post-processing."""

    def __init__(
        self, net: PreTrainedModel, processor: Any, merge: Sequence[Sequence[int]], extra: Callable[[Tensor], Extra]
    ) -> None:
        self._net, self._processor, self._merge, self._extra = net, processor, merge, extra
        self._queries = net.config.model_type in QUERY_MODELS

    @torch.no_grad()
    def __call__(self, picture: UInt8Array) -> UInt8Array:
        height, width = picture.shape[:2]
        off = {key: False for key in _AS_THEY_ARE if hasattr(self._processor, key)}
        pixels = self._processor(images=picture, return_tensors="pt", **off)["pixel_values"]
        outputs = self._net(pixel_values=pixels, **self._extra(pixels))
        post = self._processor.post_process_semantic_segmentation
        found = post(outputs, target_sizes=[(height, width)], return_segmentation_scores=True)[0]
        scores_LHW = found["segmentation_scores"]
        return merged_labels(scores_LHW, self._merge, logits=not self._queries)


def _own_size(config: PreTrainedConfig) -> tuple[int, int]:
    size = config.image_size
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _config(source: Source) -> PreTrainedConfig:
    path = source.folder / CONFIG
    try:
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True)  # nosec B615 # a folder
    except (ValueError, KeyError, OSError, TypeError, StrictDataclassError) as error:
        raise UserError(f"{path}: {LIBRARY} cannot read it: {_first_line(error)}") from error
    net_class(config)
    if hasattr(config, "use_pretrained_backbone"):
        config.use_pretrained_backbone = False
    return config


def _load(source: Source, config: PreTrainedConfig) -> PreTrainedModel:
    """The library's own network, in float32 and eval mode."""
    try:
        net, info = net_class(config).from_pretrained(  # nosec B615 # a folder
            source.folder,
            config=config,
            local_files_only=True,
            use_safetensors=not source.pickled,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            attn_implementation="eager",
            dtype=torch.float32,
        )
    except (SafetensorError, ValueError, OSError, RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(f"{source.folder}: its weights cannot be read: {_first_line(error)}") from error
    if mismatched := sorted(info["mismatched_keys"]):
        name, stored, wanted = mismatched[0]
        raise UserError(
            f"{source.folder}: {name} is {_shape(stored)} in the weights where {CONFIG} with its {config.num_labels} "
            f"labels makes it {_shape(wanted)}; weights and {CONFIG} are of different models"
        )
    for kind in ("missing", "unexpected"):
        if keys := sorted(info[f"{kind}_keys"]):
            raise UserError(
                f"{source.folder}: {len(keys)} {kind} key{'s' if len(keys) > 1 else ''} in the weights "
                f"({', '.join(keys[:3])}{', …' if len(keys) > 3 else ''}); they and {CONFIG} are of different models"
            )
    return net.eval()


def _place(config: PreTrainedConfig, preparation: Preparation, wishes: Wishes, source: Source) -> Placed:
    named: dict[Any, Any] = dict(config.id2label or {})
    channels = int(config.num_labels or 0)
    labels = [str(named.get(i, f"LABEL_{i}")) for i in range(channels)]
    if wishes.labels:
        labels = same_order(wishes.labels, channels, source.name)
    elif all(label.startswith("LABEL_") for label in labels):
        raise UserError(f"{source.folder / CONFIG}: names no labels; say with --labels SET whose classes they are")
    elif preparation.reduce_labels and labels[0].casefold() in _NO_LABEL:
        raise UserError(
            f"{source.folder}: its image processor takes one off the values of label files, so that channel 0 is the "
            f"second class, and {CONFIG} calls it {labels[0]}; say with --labels SET whose classes its channels are"
        )
    return place_labels(labels, wishes.classes, wishes.maps, wishes.name)


def _processor(source: Source, config: PreTrainedConfig) -> Any:
    # OneFormer's names a file of the hub with words for instances, which nobody needs here.
    fields: dict[str, Any] = {"class_info_file": None} if config.model_type == "oneformer" else {}
    try:
        return AutoImageProcessor.from_pretrained(source.folder, local_files_only=True, **fields)  # nosec B615
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UserError(
            f"{source.folder}: {LIBRARY} cannot read its image processor: {_first_line(error)}"
        ) from error


def _task_tokens(source: Source, config: PreTrainedConfig) -> list[int] | None:
    """OneFormer's words for the task, as its processor writes them; other networks know one task alone."""
    if config.model_type != "oneformer":
        return None
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.folder, local_files_only=True)  # nosec B615 # a folder
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise UserError(f"{source.folder}: {LIBRARY} cannot read its tokenizer: {_first_line(error)}") from error
    found = tokenizer(_TASK, padding="max_length", max_length=config.task_seq_len, truncation=True)
    return [token * mask for token, mask in zip(found["input_ids"], found["attention_mask"], strict=True)]


def _fields(config: PreTrainedConfig) -> dict[str, Any]:
    """What makes the network anew: the fields that are not the defaults, as JSON has them."""
    fields = json.loads(config.to_json_string(use_diff=True))
    return {"model_type": config.model_type, **_without_labels(fields)}


def _without_labels(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing of the network, in the configuration of its backbone, too."""
    kept = {key: value for key, value in fields.items() if key not in _LEFT_OUT}
    return {key: _without_labels(value) if isinstance(value, dict) else value for key, value in kept.items()}


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
