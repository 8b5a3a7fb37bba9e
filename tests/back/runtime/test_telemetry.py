"""Loading a model leaves no trace outside the folders that it is given."""

import os
import subprocess
import sys
from pathlib import Path

from tests.bundles import make_bundle

ROOT = Path(__file__).resolve().parents[3]
LOAD = "import sys; from pathlib import Path; from back.runtime.predictor import Predictor; "
LOAD += "print(Predictor.load(Path(sys.argv[1]), engine='openvino').engine.name)"


def test_openvino_reports_nothing_and_writes_nothing_to_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # Without CI, under which the library would keep still by itself.
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "TF_BUILD", "JENKINS_URL")}
    environment |= {"HOME": str(home), "NUMBA_CACHE_DIR": str(ROOT / ".cache" / "numba")}
    result = subprocess.run(
        [sys.executable, "-c", LOAD, str(make_bundle(tmp_path))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=200,
    )
    assert (result.returncode, result.stdout) == (0, "openvino\n"), result.stderr
    assert list(home.iterdir()) == []
