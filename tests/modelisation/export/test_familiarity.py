"""What streets look like is set on scenes, and false alarms and misses are counted where nothing was set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation import no_streets
from modelisation.export import carry
from modelisation.export.familiarity import measure_familiarity
from tests.bundles import make_bundle
from tests.modelisation.tiny import write_data


def test_scenes_set_the_threshold_and_every_kind_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "SCENES", 4)
    monkeypatch.setattr(no_streets, "COUNT", 2)
    predictor = Predictor.load(make_bundle(tmp_path))
    data = write_data(tmp_path / "data")
    folder = tmp_path / "grey things"
    folder.mkdir()
    with pytest.raises(UserError, match="holds no photo"):
        measure_familiarity(predictor, open_dataset(data, "val"), others=[folder])
    Image.fromarray(np.full((64, 96, 3), 128, np.uint8)).save(folder / "a.png")
    found = measure_familiarity(
        predictor, open_dataset(data, "val"), open_dataset(data, "train"), streets=[folder], others=[folder]
    )
    name = open_dataset(data, "val").dataset
    assert (found.where_of, found.set_on) == (f"{name} train", "4 rendered scenes")
    assert found.false_alarms["rendered scenes, 96 × 64"] == 0.25, "the one at the lower end"
    assert set(found.false_alarms) == {f"{name} val", "rendered scenes, 96 × 64", "grey things"}
    made = {"noise", "plain colours", "pages of text"}
    assert set(found.noticed) == {f"{name} val, upside down", f"{name} val, on its side", "grey things", *made}
    assert all(share in (0, 0.5, 1) for kind, share in found.noticed.items() if kind in ("noise", "pages of text"))


def test_made_pictures_are_the_same_every_time_and_differ_among_each_other() -> None:
    for (kind, first), (_, second) in zip(no_streets.made_pictures(), no_streets.made_pictures(), strict=True):
        one, other = list(first), list(second)
        assert len(one) == no_streets.COUNT, kind
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        assert all(a.shape == (360, 480, 3) and a.dtype == np.uint8 for a in one)
        assert len({a.tobytes() for a in one}) == len(one), kind
