"""Writing a bundle's card and report, so that the card's sha256 always fit the files beside it. Needs no torch."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from back.runtime.card import (
    CARD_FILE,
    HISTORY_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    BundleError,
    Calibration,
    Card,
    read_card,
    sha256_of,
)
from back.runtime.errors import UserError
from back.runtime.familiarity import Familiarity

GRAPH = "onnx"  # architecture of a network that is known by its graph alone
# Parts of report.json beside the evaluation.
PARITY, ROBUSTNESS, PIXEL_BUDGET = "parity", "robustness", "pixel_budget"


def check_name(name: str) -> None:
    """Whether a model may be called so. Raises UserError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,199}", name):
        raise UserError(f"{name!r}: a model's name is of small letters, digits, and - _ . after the first")


def write_card(bundle: Path, card: Card) -> None:
    """Write `model.json` with the sha256 of the files beside it as they are now.

    These are the four that a bundle has and whatever else the card lists (the registry's `MLmodel`). A network that
    came as a graph has no weights beside it.
    """
    names = dict.fromkeys((ONNX_FILE, WEIGHTS_FILE, HISTORY_FILE, REPORT_FILE, *card.files))
    if not (bundle / WEIGHTS_FILE).exists() and card.architecture == GRAPH:
        del names[WEIGHTS_FILE]
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


def store_parity(bundle: Path, report: Mapping[str, Any]) -> None:
    """Write a parity report into the bundle's report, and bring the card's sha256 of it up to date."""
    store_result(bundle, PARITY, report)


def store_calibration(bundle: Path, calibration: Calibration | None) -> None:
    """Write what was fitted into the bundle's card; None takes out what stood there.

    Raises:
        BundleError: the card cannot be read.
    """
    write_card(bundle, read_card(bundle).model_copy(update={"calibration": calibration}))


def store_familiarity(bundle: Path, familiarity: Familiarity) -> None:
    """Write how photos unlike the training streets are told into the bundle's card.

    Raises:
        BundleError: the card cannot be read.
    """
    write_card(bundle, read_card(bundle).model_copy(update={"familiarity": familiarity}))


def store_robustness(bundle: Path, report: Mapping[str, Any]) -> None:
    """Write the table into the bundle's card and report, and bring the card's sha256 up to date."""
    store_result(bundle, ROBUSTNESS, report, robustness=points_lost(report))


def points_lost(report: Mapping[str, Any]) -> dict[str, float]:
    """For the card: perturbation -> points of mIoU lost, to two decimals."""
    return {name: round(scores["points_lost"], 2) for name, scores in report["perturbations"].items()}


def read_report(bundle: Path) -> dict[str, Any]:
    """A bundle's `report.json`.

    Raises:
        BundleError: it is missing or is no JSON object.
    """
    path = bundle / REPORT_FILE
    try:
        report = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BundleError(f"{path}: no such file; export the bundle again") from None
    except ValueError as error:
        raise BundleError(f"{path}: not JSON ({error}); export the bundle again") from error
    if not isinstance(report, dict):
        raise BundleError(f"{path}: not a JSON object; export the bundle again")
    return report
