import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.catalogue import ModelVersion, RegisteredModel, Spec, parse_spec, read_catalogue, resolve
from tests.api import Store


def _model(*versions: int, **aliases: str) -> RegisteredModel:
    return RegisteredModel("m", aliases, {str(v): ModelVersion("m", str(v), None, v) for v in versions})


@pytest.mark.parametrize(
    ("aliases", "version"),
    [
        ({"champion": "1", "candidate": "2"}, "1"),
        ({"candidate": "2"}, "2"),
        ({"other": "1"}, "3"),
        ({"champion": "7", "candidate": "2"}, "2"),  # an alias may point at a version that was deleted
    ],
)
def test_champion_goes_before_candidate_before_the_newest(aliases: dict[str, str], version: str) -> None:
    preferred = _model(1, 2, 3, **aliases).preferred_version()
    assert preferred is not None
    assert preferred.version == version


def test_a_model_without_versions_has_no_preferred_one() -> None:
    assert _model().preferred_version() is None


def test_alias_shown_for_a_version_is_the_preferred_one() -> None:
    model = _model(1, 2, abc="1", champion="1", zed="2")
    assert (model.alias_of("1"), model.alias_of("2"), model.alias_of("3")) == ("champion", "zed", None)


@given(st.text(max_size=40))
def test_any_text_is_a_spec_or_none(text: str) -> None:
    spec = parse_spec(text)
    if spec is not None:
        rest = f"@{spec.alias}" if spec.alias else f"/{spec.version}" if spec.version else ""
        assert spec.name + rest == text
        assert not re.search("[@/]", spec.name)


@pytest.mark.parametrize("text", ["m@a@b", "m/1@a", "m/-1", "m/1.5", "", "@a", "m/", "m/٣"])
def test_half_specs_are_none(text: str) -> None:
    assert parse_spec(text) is None


def test_resolve_follows_name_alias_and_version() -> None:
    catalogue = {"m": _model(1, 2, champion="1", candidate="2")}
    picked = [resolve(catalogue, Spec(*spec)) for spec in [("m",), ("m", "candidate"), ("m", None, "02")]]
    assert [version.version if version else None for version in picked] == ["1", "2", "2"]
    assert resolve(catalogue, Spec("m", "gone")) is None
    assert resolve(catalogue, Spec("other")) is None


def test_catalogue_lists_versions_by_number_with_aliases(store: Store) -> None:
    run = store.client.create_run("1")
    store.client.create_registered_model("b'quoted")
    store.client.create_registered_model("a")
    source = f"{run.info.artifact_uri}/model"
    for _ in range(11):
        store.client.create_model_version("a", source, run_id=run.info.run_id)
    store.client.set_registered_model_alias("a", "champion", "2")
    catalogue = read_catalogue(store.client)
    assert list(catalogue) == ["a", "b'quoted"]
    assert list(catalogue["a"].versions) == [str(n) for n in range(1, 12)]
    assert catalogue["a"].aliases == {"champion": "2"}
    assert catalogue["a"].versions["3"].run_id == run.info.run_id
    assert catalogue["b'quoted"].versions == {}
