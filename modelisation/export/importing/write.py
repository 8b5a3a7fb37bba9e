"""A foreign network written as a bundle: graph, weights, card, history, reports; whole or not at all."""

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from back.runtime.card import (
    HISTORY_FILE,
    MAX_FILE_BYTES,
    ONNX_FILE,
    WEIGHTS_FILE,
    Card,
    InputContract,
    Origin,
)
from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.evaluation.cost import input_size, multiply_adds
from modelisation.export.bundle import store_result, write_card
from modelisation.export.from_run import sure_labels, write_report
from modelisation.export.gate import LIBRARY_PARITY
from modelisation.export.importing.agreement import Labeller, check_agreement, gate_pictures
from modelisation.export.importing.labels import Placed
from modelisation.export.importing.source import Source
from modelisation.export.importing.wishes import Wishes
from modelisation.export.onnx import export_onnx
from modelisation.export.self_test import make_self_test
from modelisation.models import save_weights
from modelisation.models.base import SegmentationModel


@dataclass(frozen=True)
class Foreign:
    """A foreign network, ready to be written.

    Attributes:
        name: of the bundle.
        build: what rebuilds `model`.
        contract: without a fixed size, but where the network takes no other.
        library: the library's own labels of a picture.
        dynamic: whether any size may be tried.
        parameters: of a network whose graph is in the bundle's folder already; else None.
    """

    name: str
    model: SegmentationModel
    build: dict[str, Any]
    taxonomy: Taxonomy
    contract: InputContract
    origin: Origin
    library: Labeller
    dynamic: bool = True
    parameters: int | None = None


def write_imported(foreign: Foreign, bundle: Path, photos: Path | None) -> dict[str, Any]:
    """Write a bundle into an empty folder and compare it with the library.

    Args:
        photos: folder of photos to compare on beside rendered scenes; None takes CamVid's where they are there.

    Returns:
        The report of the comparison, which is in the bundle's report, too.

    Raises:
        UserError: the graph or its labels differ from the library's.
    """
    model, contract = foreign.model, foreign.contract
    size = input_size(contract, (360, 480))
    if foreign.parameters is None:
        _check_fits(model, foreign.origin.source)
        save_weights(model, foreign.build, bundle / WEIGHTS_FILE)
        form = model.export_form()
        fixed = export_onnx(form, bundle / ONNX_FILE, model.size_multiple, size, dynamic=foreign.dynamic)
        contract = contract.model_copy(update={"fixed_size": fixed})
    write_records(bundle, foreign.name, foreign.origin, foreign.taxonomy)
    card = Card(
        name=foreign.name,
        architecture=model.architecture,
        build=foreign.build,
        description=f"{foreign.origin.source}, imported from {foreign.origin.library}.",
        limits=LIMITS,
        taxonomy=foreign.taxonomy,
        input=contract,
        parameters=foreign.parameters or sum(p.numel() for p in model.parameters()),
        multiply_adds=multiply_adds(bundle, size),
        origin=foreign.origin,
        self_test=make_self_test(lambda image: sure_labels(model, image, contract)),
        files={},
    )
    write_card(bundle, card)
    pictures = gate_pictures(contract, photos)
    theirs = {group: [foreign.library(picture) for picture in some] for group, some in pictures.items()}
    report = check_agreement(bundle, pictures, theirs, foreign.origin.library)
    store_result(bundle, LIBRARY_PARITY, report)
    return report


def origin_of(source: Source, library: str, wishes: Wishes, placed: Placed) -> Origin:
    """Where weights come from, for the card."""
    return Origin(
        source=source.name,
        library=library,
        licence=wishes.licence or source.licence,
        sha256=source.sha256,
        labels=dict(placed.onto),
    )


LIMITS = (
    "Trained elsewhere: what it was trained on, and where it fails, its source says. Evaluate it on photos of your "
    "own before you rely on it."
)


def _check_fits(model: SegmentationModel, source: str) -> None:
    """Whether the weights are small enough for a bundle. Raises UserError."""
    size = sum(tensor.nbytes for tensor in model.state_dict().values())
    if size > MAX_FILE_BYTES:
        raise UserError(
            f"{source}: its weights take {size / 1e6:.0f} MB where a bundle's file has at most "
            f"{MAX_FILE_BYTES // 10**6}; choose a smaller model of its family"
        )


def write_records(bundle: Path, name: str, origin: Origin, taxonomy: Taxonomy) -> None:
    """A report without measurements, and the history of a run that only imported."""
    now = int(time.time() * 1000)
    history = {
        "run_id": uuid.uuid4().hex,
        "name": name,
        "start_time": now,
        "end_time": now,
        "params": {"source": origin.source, "library": origin.library, "taxonomy": taxonomy.id},
        "tags": {"imported": "true", "weights_licence": origin.licence},
        "metrics": {},
    }
    (bundle / HISTORY_FILE).write_text(json.dumps(history, indent=1), encoding="utf-8")
    write_report(bundle, {})
