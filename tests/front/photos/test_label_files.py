"""Label files: only formats that work are offered, and what is no label is the API's own idea of it."""

import io

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import IGNORE, REMAPS, TAXONOMIES
from front.photos.label_files import TITLES, LabelFile, labelled_pixels, sources_for, unlabelled_values

PAIRS = [(source, target) for source, targets in REMAPS.items() for target in targets]


def grey_png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_is_no_label_is_what_the_api_s_table_ignores(source: str, target: str) -> None:
    ignored = {value for value, new in REMAPS[source][target].items() if new == IGNORE}
    assert unlabelled_values(source, target) == ignored


@pytest.mark.parametrize("target", TAXONOMIES)
def test_the_formats_offered_for_a_model_are_those_that_the_api_can_remap(target: str) -> None:
    assert set(sources_for([target])) == {source for source, t in PAIRS if t == target}


def test_cityscapes_categories_are_not_offered_for_street8_models() -> None:
    assert "cityscapes7" not in sources_for(["street8", "street8"])
    assert sources_for(["cityscapes7"])[-2:] == ["cityscapes7", "camvid11"]
    assert sources_for(["street8", "cityscapes19"]) == ["cityscapes_label_ids", "cityscapes19"]
    assert sources_for(["a-taxonomy-of-its-own"]) == []
    assert set(TITLES) == set(REMAPS)


def test_a_pixel_counts_as_labelled_only_where_both_models_can_be_judged() -> None:
    label = LabelFile.of("label.png", grey_png(np.array([[0, 7, 255]])))
    assert labelled_pixels(label, "street8", ["street8"]).tolist() == [[True, True, False]]
    assert labelled_pixels(label, "street8", ["street8", "cityscapes7"]).tolist() == [[True, False, False]]
