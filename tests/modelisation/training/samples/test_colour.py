"""What light, weather and cameras do to the colours of a training picture."""

import pytest
import torch
from pydantic import ValidationError

from modelisation.evaluation.weather import CORRUPTIONS
from modelisation.recipe import WEATHER, Augmentation
from modelisation.training.samples import colour


@pytest.mark.parametrize(("least", "most"), [(1, 3), (2, 4), (5, 5)])
def test_weather_is_drawn_between_the_severities_of_the_recipe(monkeypatch, least, most):
    drawn = []

    def corrupt(image_HWC, severity, rng):
        drawn.append(severity)
        return image_HWC

    monkeypatch.setattr(colour, "CORRUPTIONS", dict.fromkeys(WEATHER, corrupt))
    changes = colour.make_colour_changes(Augmentation(weather=1.0, weather_severity=(least, most)))
    torch.manual_seed(0)
    picture = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    for _ in range(60):
        assert torch.equal(changes(picture), picture)
    assert set(drawn) == set(range(least, most + 1))


def test_weather_is_drawn_as_often_as_it_stands_in_the_recipe(monkeypatch):
    drawn = []
    for kind in WEATHER:
        monkeypatch.setitem(colour.CORRUPTIONS, kind, lambda image, _, rng, kind=kind: drawn.append(kind) or image)
    changes = colour.make_colour_changes(Augmentation(weather=1.0, weather_kinds=("snow", "snow", "frost")))
    torch.manual_seed(0)
    for _ in range(300):
        changes(torch.zeros(3, 4, 4, dtype=torch.uint8))
    assert set(drawn) == {"snow", "frost"}
    assert 170 < drawn.count("snow") < 230
    assert list(CORRUPTIONS) == list(WEATHER)


def test_weather_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="weather_kinds"):
        Augmentation(weather_kinds=("hail",))
    with pytest.raises(ValidationError, match="weather_kinds"):
        Augmentation(weather_kinds=())


@pytest.mark.parametrize("severity", [(3, 2), (0, 3), (1, 6)])
def test_severities_that_do_not_exist_are_refused(severity):
    with pytest.raises(ValidationError, match="weather_severity"):
        Augmentation(weather_severity=severity)
