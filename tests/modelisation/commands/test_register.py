"""`register` as it is called."""

from pathlib import Path

import pytest

from modelisation.__main__ import main


def test_a_bundle_is_put_into_the_store(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert main(["register", str(bundle), "--tracking-uri", uri]) == 0
    assert "version 1 as candidate" in capsys.readouterr().out
