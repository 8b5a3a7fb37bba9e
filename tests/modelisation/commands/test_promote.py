"""`promote` as it is called: what fails is not promoted, what passes is champion with its report."""

from pathlib import Path

import pytest

from back.runtime.card import CARD_FILE
from modelisation.__main__ import main
from modelisation.export.bundle import read_report
from modelisation.export.gate import parity_failure
from modelisation.registry.versions import register_bundle, resolve_model
from tests.api import Store
from tests.bundles import make_bundle
from tests.modelisation.nearest_colour import nearest_colour_is_known, spoil_torch_weights, write_noisy_stripes

__all__ = ["nearest_colour_is_known"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, parity=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_noisy_stripes(tmp_path / "data")


def test_the_report_is_stored_and_a_pass_is_said(
    bundle: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", str(bundle), "--data", str(data), "--no-register", "--images", "2"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("passed")
    assert read_report(bundle)["parity"]["passed"] is True


def test_what_fails_is_not_promoted(
    bundle: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "store" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    spoil_torch_weights(bundle)
    assert main(["promote", str(bundle), "--data", str(data)]) == 1
    assert "not promoted" in capsys.readouterr().out
    assert not database.exists()
    assert read_report(bundle)["parity"]["passed"] is False
    assert (bundle / CARD_FILE).is_file()


def test_a_registered_candidate_becomes_champion_with_its_report(
    bundle: Path, data: Path, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    registered = register_bundle(bundle, tracking_uri=store.uri, alias="candidate")
    assert main(["promote", "nearest-colour", "--data", str(data)]) == 0
    champion = resolve_model("models:/nearest-colour@champion", cache_dir=tmp_path / "cache")
    assert parity_failure(champion) is None
    candidate = resolve_model("models:/nearest-colour@candidate", cache_dir=tmp_path / "cache")
    assert parity_failure(candidate) is not None
    version = store.client.get_model_version_by_alias("nearest-colour", "champion")
    assert version.run_id == registered.run_id
    experiment = store.client.get_run(registered.run_id).info.experiment_id
    assert len(store.client.search_runs([experiment])) == 1
