"""Writing a bundle's card and report, so that the card's sha256 always fit the files beside it. Needs no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from back.runtime.card import (
    CARD_FILE,
    HISTORY_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    Card,
    read_card,
    sha256_of,
)
from modelisation.export.gate import read_report


def write_card(bundle: Path, card: Card) -> None:
    """Write `model.json` with the sha256 of the files beside it as they are now.

    These are the four that every bundle has and whatever else the card lists (the registry's `MLmodel`).
    """
    names = dict.fromkeys((ONNX_FILE, WEIGHTS_FILE, HISTORY_FILE, REPORT_FILE, *card.files))
    files = {name: sha256_of(bundle / name) for name in names}
    text = card.model_copy(update={"files": files}).model_dump_json(indent=1)
    (bundle / CARD_FILE).write_text(text, encoding="utf-8")


def store_result(bundle: Path, key: str, result: Mapping[str, Any], **card_fields: Any) -> None:
    """Put one measurement into `report.json` and fields that go with it into the card.

    Args:
        bundle: folder whose card and report are rewritten.
        key: the report's part, for example `parity`; what stood there is replaced.
        result: plain JSON values.
        card_fields: fields of the card to replace.

    Raises:
        BundleError: the card or the report cannot be read.
    """
    report = read_report(bundle) | {key: dict(result)}
    card = read_card(bundle).model_copy(update=card_fields)
    (bundle / REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")
    write_card(bundle, card)
