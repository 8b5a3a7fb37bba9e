import os
import resource
import subprocess
import sys

import pytest

from back.guards.descriptors import connections_for
from back.runtime.errors import UserError


def test_few_descriptors_are_said_and_served_with_fewer_connections() -> None:
    assert connections_for(65_536, 1000) == (1000, None)
    carried, sentence = connections_for(256, 1000)
    assert 8 <= carried < 128
    assert sentence is not None
    assert "256 files" in sentence
    assert "ulimit -n" in sentence


def test_too_few_descriptors_refuse_the_start_with_a_sentence() -> None:
    with pytest.raises(UserError, match="at least 148"):
        connections_for(147, 1000)
    environment = {**os.environ, "STREETSEG_MLFLOW_TRACKING_URI": "sqlite:///nowhere.db"}
    ended = subprocess.run(
        [sys.executable, "-m", "back", "--check"],
        env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert ended.returncode == 2
    assert "may open 64 files at once" in ended.stderr
    assert "Traceback" not in ended.stderr
