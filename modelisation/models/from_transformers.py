"""Networks of transformers as our architectures build them: random, or from weights that the library reads."""

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from back.runtime.errors import UserError


def check_fields(kind: type[PretrainedConfig], fields: Mapping[str, Any]) -> None:
    """Check that a configuration has such fields.

    Raises:
        UserError: it lacks some, which it would take and ignore.
    """
    if unknown := sorted(fields.keys() - kind().to_dict().keys()):
        raise UserError(f"transformers' {kind.__name__} has no {', '.join(unknown)}; change the recipe's build")


def make_net(
    network: type[PreTrainedModel], kind: type[PretrainedConfig], fields: Mapping[str, Any], pretrained: str | None
) -> tuple[Any, str]:
    """A network, and where its weights come from.

    Args:
        network: its class.
        kind: of its configuration.
        fields: of its configuration.
        pretrained: None for random weights, or a folder or hub name to start from; what does not fit begins anew.
    """
    if pretrained is None:
        return network(kind(**fields)), "random"
    net = network.from_pretrained(pretrained, **fields, ignore_mismatched_sizes=True)  # nosec B615 # the recipe's choice
    return net, f"transformers weights {pretrained}"
