"""What labels most likely are, judged by their values and where these lie."""

import numpy as np
import pytest

from back.runtime.labels.guess import LabelValues, fitting_kinds
from back.runtime.labels.read import maps_by_source
from back.runtime.taxonomy import CITYSCAPES19, REMAPS, STREET8, apply_remap
from modelisation.scenes.render import render_scene
from tests.bundles import png_bytes, taxonomy_of
from tests.modelisation.doctor.planting import CAMVID_ID_OF_STREET8


@pytest.fixture(scope="module")
def scenes() -> list[np.ndarray]:
    """Label maps of small rendered streets, labelIds."""
    return [render_scene(seed, 96, 192).label_ids for seed in range(3)]


@pytest.mark.parametrize("kind", ["cityscapes_label_ids", "cityscapes19", "street8", "camvid11"])
def test_the_kind_of_a_street_s_labels_is_found(scenes: list[np.ndarray], kind: str) -> None:
    values = LabelValues()
    for label_ids in scenes:
        stored = label_ids
        if kind in ("street8", "cityscapes19"):
            stored = apply_remap(label_ids, REMAPS["cityscapes_label_ids"][kind])
        elif kind == "camvid11":
            street8 = apply_remap(label_ids, REMAPS["cityscapes_label_ids"]["street8"])
            stored = CAMVID_ID_OF_STREET8[street8]
        values.add(maps_by_source(png_bytes(stored)))
    assert values.rated()[0][0] == kind
    assert fitting_kinds(values.rated(), [STREET8])[0] == kind


def test_only_kinds_that_fit_the_models_are_offered_and_their_own_ids() -> None:
    assert "camvid11" not in fitting_kinds((), [CITYSCAPES19])
    own = taxonomy_of(3)
    assert fitting_kinds((), [own]) == [own.id]
    assert fitting_kinds((), [own, STREET8]) == []
